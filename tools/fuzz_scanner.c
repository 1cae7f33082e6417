/* Runs the scanner on cases from stdin and writes what it found to stdout: see fuzz_scanner.py, which makes the cases.
 *
 * Every buffer is allocated to its exact size, so that AddressSanitizer sees each byte read or written beyond one.
 * A case: fields, batch rows, block, wanted count, wanted positions, piece count, piece sizes, and then the pieces. What
 * comes back: for each batch its rows, and for each column of it and each row a size (-1: null) and the value; then -1,
 * what was said, row, column, fields. All numbers are int64 of this machine.
 */

#include "../staxpipe/scan/scanner.c"

#include <stdio.h>

static int64_t number(void) {
    int64_t value;
    if (fread(&value, sizeof value, 1, stdin) != 1) exit(0);
    return value;
}

static void put(int64_t value) { fwrite(&value, sizeof value, 1, stdout); }

static void *exactly(size_t size) {
    void *memory = malloc(size);
    if (memory == NULL && size > 0) abort();
    return memory;
}

static void give(scanner *s, int32_t **codes) {
    report found;
    staxpipe_report(s, &found);
    const int64_t rows = found.batch_rows;
    put(rows);
    for (int64_t at = 0; at < s->wanted; at++) {
        int64_t sizes[3], nulls = 0;
        staxpipe_sizes(s, at, sizes);
        int32_t *offsets = exactly((size_t)(sizes[1] + 1) * sizeof *offsets);
        uint8_t *bytes = exactly((size_t)sizes[2]);
        uint8_t *valid = exactly((size_t)(rows + 7) / 8);
        if (sizes[1] > 0) {
            staxpipe_take(s, at, offsets, bytes, valid);
        } else {
            memset(valid, 0, (size_t)(rows + 7) / 8);
        }
        for (int64_t row = 0; row < rows; row++) {
            if (!(valid[row / 8] >> (row % 8) & 1)) {
                nulls++;
                put(-1);
                continue;
            }
            const int32_t code = codes[at][row];
            if (code < 0 || code >= sizes[1]) abort();
            put(offsets[code + 1] - offsets[code]);
            fwrite(bytes + offsets[code], 1, (size_t)(offsets[code + 1] - offsets[code]), stdout);
        }
        if (nulls != sizes[0]) abort();
        free(offsets);
        free(bytes);
        free(valid);
    }
    staxpipe_begin(s, codes);
}

static void run(void) {
    const int64_t fields = number(), batch_rows = number(), block = number(), wanted_count = number();
    int64_t *wanted = exactly((size_t)wanted_count * sizeof *wanted);
    for (int64_t at = 0; at < wanted_count; at++) wanted[at] = number();
    const int64_t pieces = number();
    int64_t *sizes = exactly((size_t)pieces * sizeof *sizes);
    for (int64_t at = 0; at < pieces; at++) sizes[at] = number();
    scanner *s;
    if (staxpipe_new(fields, wanted, wanted_count, batch_rows, block, 8 * block, 1 << 20, 42, &s) != MORE) abort();
    int32_t **codes = exactly((size_t)wanted_count * sizeof *codes);
    for (int64_t at = 0; at < wanted_count; at++) codes[at] = exactly((size_t)batch_rows * sizeof **codes);
    staxpipe_begin(s, codes);
    int said = MORE;
    for (int64_t piece = 0; piece < pieces; piece++) {
        uint8_t *text = exactly((size_t)sizes[piece]);
        if (sizes[piece] > 0 && fread(text, 1, (size_t)sizes[piece], stdin) != (size_t)sizes[piece]) abort();
        int64_t at = 0, read = 0;
        while (said >= 0) {
            /* The rest in a buffer of its own: what was read already must not be needed any more. */
            uint8_t *rest = exactly((size_t)(sizes[piece] - at));
            if (sizes[piece] > at) memcpy(rest, text + at, (size_t)(sizes[piece] - at));
            said = staxpipe_feed(s, rest, sizes[piece] - at, piece + 1 == pieces, &read);
            free(rest);
            at += read;
            if (said != FULL) break;
            give(s, codes);
        }
        if (said >= 0 && at != sizes[piece]) abort();
        free(text);
    }
    report found;
    staxpipe_report(s, &found);
    if (said == MORE && found.batch_rows > 0) give(s, codes);
    put(-1);
    put(said);
    put(found.row);
    put(found.column);
    put(found.fields);
    for (int64_t at = 0; at < wanted_count; at++) free(codes[at]);
    free(codes);
    free(sizes);
    free(wanted);
    staxpipe_free(s);
}

int main(void) {
    for (;;) run();
}
