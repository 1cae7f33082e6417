/* A scanner of CSV texts: the wanted columns of a text become dictionary codes and dictionaries.
 *
 * It gets the text piece by piece and keeps its state between them, so that a piece may end anywhere. What it finds:
 *
 *   separators  64 bytes at a time become a bit mask of commas, and the ends of fields are written down for a group of
 *               rows. Stretches without a quote or a line break take the short way; all others are decided bit by bit.
 *   values      of a whole group, column by column: the value of the row before is tried first, then a hash table.
 *
 * The dialect: fields are divided by commas, records by LF, CR or CRLF. A field that begins with a quote is quoted up to
 * the next quote that is not doubled; what follows up to the next comma belongs to it as it is written. A quote anywhere
 * else is a character like others. An empty field, quoted or not, is null. An empty line is a record only where there is
 * one column.
 *
 * Nothing outside [text, text + size) is read, and only memory of this file's own or of the caller's `codes` and `take`
 * buffers is written. No call keeps a pointer to the text. One scanner belongs to one thread at a time.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(STAXPIPE_PORTABLE) /* only so that the plain loop can be tested anywhere */
#elif defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define WITH_SSE2 1
#elif defined(__aarch64__)
#include <arm_neon.h>
#define WITH_NEON 1
#endif

#if defined(_WIN32)
#define API __declspec(dllexport)
#else
#define API __attribute__((visibility("default")))
#endif

#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch(address)
#else
#define FETCH(address) ((void)(address))
#endif

enum { ABI = 2 };

/* What `new` and `feed` say. The binding knows these numbers. */
enum {
    MORE = 0,     /* all was read: the next piece, please */
    FULL = 1,     /* the batch is full, and some of the piece may be left */
    RAGGED = -1,  /* a record has another number of fields */
    NOT_UTF8 = -2,
    TOO_LONG = -3, /* a record touches three blocks */
    UNCLOSED = -4, /* the text ends inside a quote */
    EMPTY = -5,    /* too many empty lines on end */
    NO_MEMORY = -6,
    TOO_LARGE = -7, /* a piece or a dictionary beyond what offsets can say; cannot happen with the binding's sizes */
    OUT_OF_BOUNDS = -8 /* of a new scanner's numbers */
};

enum { PLAIN = 0, QUOTED = 1, AFTER_QUOTE = 2 };

#define QUOTED_FIELD 0x80000000u /* in the end of a field: it began with a quote */
#define POSITION 0x7fffffffu
#define MAX_TEXT ((int64_t)1 << 29) /* bytes of one piece; positions have 31 bits */
#define MAX_FIELDS ((int64_t)1 << 24)
#define MAX_BATCH ((int64_t)1 << 23) /* rows of one batch; codes in a hash table have 24 bits */
#define GROUP_ENDS 16384 /* ends of fields in a group: 64 KiB */
#define GROUP_ROWS 128
#define LARGE_TABLE 2048 /* slots of a hash table: 16 KiB */
#define SLACK 64 /* entries that may be written beyond the last end */

typedef struct {
    int64_t position;  /* of the column in the text */
    int32_t *codes;    /* the caller's, of `batch_rows` codes; -1 is null */
    int64_t filled;    /* how many rows of `codes` are written; 0 as long as all are null */
    int64_t nulls;
    uint64_t *slots;   /* open addressing: hash << 32 | epoch << 24 | code */
    uint64_t slot_mask;
    int32_t *offsets;  /* of the values in `bytes`: distinct + 1 */
    int64_t offsets_size;
    uint8_t *bytes;
    int64_t bytes_size;
    int64_t distinct;
    int32_t last_code; /* of the last value that was not null */
} column;

typedef struct {
    int64_t batch_rows; /* in the batch so far */
    int64_t rows;       /* in the text so far, the batch included */
    int64_t row;        /* of the error, from 1; for UNCLOSED and EMPTY the last before it */
    int64_t column;     /* of the error, among those wanted */
    int64_t fields;     /* of the ragged row */
} report;

typedef struct staxpipe_scanner {
    int64_t fields, wanted, max_rows, block, empty_limit, dictionary_limit;
    uint64_t seed;
    column *columns;
    uint32_t epoch;

    /* the group: for each of its rows where it starts and then where each field ends, plus one */
    uint32_t *ends;
    int64_t stride, group_rows, group_max;
    uint32_t hashes[GROUP_ROWS];

    /* the record that is being read; positions are in the text at hand */
    int64_t at, field_start, quote_end, ended;
    uint32_t flag;
    int quoting, after_cr;
    int failed; /* what `feed` said when it failed: it will say nothing else any more */

    uint8_t *carry; /* the beginning of a record whose end is still to come */
    int64_t carried, carry_size;
    int64_t offset; /* of the text at hand in the whole text */
    int64_t empty_bytes, dictionary_bytes;

    uint8_t *scratch;
    int64_t scratch_size;
    report said;
} scanner;

/* ---- memory ------------------------------------------------------------------------------------------------- */

/* Room for `needed` elements, at least doubled where it grows. */
static int reserve(void **memory, int64_t *size, int64_t needed, size_t width) {
    if (needed <= *size) return 1;
    int64_t larger = *size < 16 ? 16 : *size;
    while (larger < needed) {
        if (larger > INT64_MAX / 4) return 0;
        larger *= 2;
    }
    if ((uint64_t)larger > SIZE_MAX / 2 / width) return 0;
    void *moved = realloc(*memory, (size_t)larger * width);
    if (moved == NULL) return 0;
    *memory = moved;
    *size = larger;
    return 1;
}

/* ---- values ------------------------------------------------------------------------------------------------- */

static inline uint64_t load8(const uint8_t *from) {
    uint64_t word;
    memcpy(&word, from, 8);
    return word;
}

static inline uint64_t load4(const uint8_t *from) {
    uint32_t word;
    memcpy(&word, from, 4);
    return word;
}

/* The two halves of a product, one folded into the other. */
static inline uint64_t fold(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t)middle;
    return ((other << 32) | (uint32_t)low) ^ (a1 * b1 + (middle >> 32) + (other >> 32));
#endif
}

/* Seeded, so that nobody can write a file whose values all fall into one slot. */
static inline uint32_t hashed(const uint8_t *value, int64_t size, uint64_t seed) {
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint64_t state = seed ^ ((uint64_t)size * odd), first, second;
    if (size >= 8) {
        const uint8_t *last = value + size - 8;
        for (; last - value > 8; value += 16) state = fold(load8(value) ^ odd, load8(value + 8) ^ state);
        first = load8(value < last ? value : last);
        second = load8(last);
    } else if (size >= 4) {
        first = load4(value);
        second = load4(value + size - 4);
    } else {
        first = ((uint64_t)value[0] << 16) | ((uint64_t)value[size >> 1] << 8) | value[size - 1];
        second = 0;
    }
    state = fold(first ^ odd ^ state, second ^ seed ^ 0xd6e8feb86659fd93u);
    state = fold(state ^ odd, seed | 1);
    return (uint32_t)(state ^ (state >> 32));
}

static inline int equal(const uint8_t *left, const uint8_t *right, int64_t size) {
    if (size >= 8) {
        int64_t at = 0;
        for (; at + 8 <= size; at += 8)
            if (load8(left + at) != load8(right + at)) return 0;
        return load8(left + size - 8) == load8(right + size - 8);
    }
    if (size >= 4) return load4(left) == load4(right) && load4(left + size - 4) == load4(right + size - 4);
    for (int64_t at = 0; at < size; at++)
        if (left[at] != right[at]) return 0;
    return 1;
}

static int is_utf8(const uint8_t *text, int64_t size) {
    int64_t at = 0;
    while (at < size) {
        if (at + 8 <= size && (load8(text + at) & 0x8080808080808080u) == 0) {
            at += 8;
            continue;
        }
        uint8_t lead = text[at];
        if (lead < 0x80) {
            at++;
            continue;
        }
        int follow;
        uint8_t lowest = 0x80, highest = 0xbf; /* of the second byte: no overlong forms, no surrogates, no more than U+10FFFF */
        if (lead >= 0xc2 && lead <= 0xdf) {
            follow = 1;
        } else if (lead >= 0xe0 && lead <= 0xef) {
            follow = 2;
            if (lead == 0xe0) lowest = 0xa0;
            if (lead == 0xed) highest = 0x9f;
        } else if (lead >= 0xf0 && lead <= 0xf4) {
            follow = 3;
            if (lead == 0xf0) lowest = 0x90;
            if (lead == 0xf4) highest = 0x8f;
        } else {
            return 0;
        }
        if (size - at <= follow) return 0;
        if (text[at + 1] < lowest || text[at + 1] > highest) return 0;
        for (int next = 2; next <= follow; next++)
            if ((text[at + next] & 0xc0) != 0x80) return 0;
        at += follow + 1;
    }
    return 1;
}

static int grow_slots(scanner *s, column *c) {
    uint64_t old = c->slots == NULL ? 0 : c->slot_mask + 1, larger = old == 0 ? 64 : old * 2;
    uint64_t *slots = calloc((size_t)larger, sizeof *slots);
    if (slots == NULL) return 0;
    for (uint64_t from = 0; from < old; from++) {
        uint64_t slot = c->slots[from];
        if (((slot >> 24) & 0xff) != s->epoch) continue;
        uint64_t to = (slot >> 32) & (larger - 1);
        while (slots[to] != 0) to = (to + 1) & (larger - 1);
        slots[to] = slot;
    }
    free(c->slots);
    c->slots = slots;
    c->slot_mask = larger - 1;
    return 1;
}

/* The code of a value that is not empty; below 0 what went wrong. */
static int32_t code_of(scanner *s, column *c, const uint8_t *value, int64_t size, uint32_t hash) {
    if (c->slots == NULL && !grow_slots(s, c)) return NO_MEMORY;
    uint64_t key = ((uint64_t)hash << 8) | s->epoch, slot;
    uint64_t at = hash & c->slot_mask;
    while (slot = c->slots[at], ((slot >> 24) & 0xff) == s->epoch) {
        if (slot >> 24 == key) {
            int32_t code = (int32_t)(slot & 0xffffff), start = c->offsets[code];
            if (c->offsets[code + 1] - start == size && equal(value, c->bytes + start, size)) return code;
        }
        at = (at + 1) & c->slot_mask;
    }
    if (!is_utf8(value, size)) return NOT_UTF8;
    int32_t start = c->distinct == 0 ? 0 : c->offsets[c->distinct];
    if (size > INT32_MAX - start) return TOO_LARGE;
    if (!reserve((void **)&c->offsets, &c->offsets_size, c->distinct + 2, sizeof *c->offsets)) return NO_MEMORY;
    if (!reserve((void **)&c->bytes, &c->bytes_size, start + size, 1)) return NO_MEMORY;
    memcpy(c->bytes + start, value, (size_t)size);
    c->offsets[c->distinct] = start;
    c->offsets[c->distinct + 1] = start + (int32_t)size;
    s->dictionary_bytes += size;
    int32_t code = (int32_t)c->distinct++;
    c->slots[at] = (key << 24) | (uint32_t)code;
    if ((uint64_t)c->distinct > c->slot_mask / 8 * 5 && !grow_slots(s, c)) return NO_MEMORY;
    return code;
}

/* The value of a field that began with a quote; *value and *size are the field on entry. */
static int unquote(scanner *s, const uint8_t **value, int64_t *size) {
    const uint8_t *from = *value + 1, *end = *value + *size;
    const uint8_t *quote = from < end ? memchr(from, '"', (size_t)(end - from)) : NULL;
    if (quote == NULL || quote == end - 1) { /* nothing but the two quotes around it */
        *value = from;
        *size = (quote == NULL ? end : quote) - from;
        return 1;
    }
    if (!reserve((void **)&s->scratch, &s->scratch_size, *size, 1)) return 0;
    uint8_t *to = s->scratch;
    while (quote != NULL) {
        size_t plain = (size_t)(quote - from);
        memcpy(to, from, plain);
        to += plain;
        from = quote + 1;
        if (from == end || *from != '"') break; /* the closing quote */
        *to++ = '"';
        from++;
        quote = from < end ? memchr(from, '"', (size_t)(end - from)) : NULL;
    }
    memcpy(to, from, (size_t)(end - from));
    to += end - from;
    *value = s->scratch;
    *size = to - s->scratch;
    return 1;
}

/* Hashes of a group's values, for a table that is too large for the nearest cache: its slots are fetched meanwhile. */
static void look_ahead(scanner *s, const uint8_t *text, const column *c) {
    const uint32_t *field = s->ends + c->position;
    const uint8_t *last = NULL;
    int64_t last_size = 0;
    uint32_t last_hash = 0;
    for (int64_t row = 0; row < s->group_rows; row++, field += s->stride) {
        const int64_t start = field[0] & POSITION, size = (int64_t)(field[1] & POSITION) - 1 - start;
        if ((field[1] & QUOTED_FIELD) || size == 0) continue;
        if (size == last_size && equal(text + start, last, size)) {
            s->hashes[row] = last_hash;
            continue;
        }
        s->hashes[row] = last_hash = hashed(text + start, size, s->seed);
        FETCH(c->slots + (last_hash & c->slot_mask));
        last = text + start;
        last_size = size;
    }
    field = s->ends + c->position;
    for (int64_t row = 0; row < s->group_rows; row++, field += s->stride) {
        if ((field[1] & QUOTED_FIELD) || (field[0] & POSITION) + 1 == field[1]) continue;
        const uint64_t slot = c->slots[s->hashes[row] & c->slot_mask];
        if (slot >> 24 == (((uint64_t)s->hashes[row] << 8) | s->epoch)) FETCH(c->bytes + c->offsets[slot & 0xffffff]);
    }
}

static int code_column(scanner *s, const uint8_t *text, column *c, int64_t index) {
    const uint32_t *field = s->ends + c->position;
    const int64_t stride = s->stride, rows = s->group_rows, first = s->said.batch_rows;
    int64_t row = 0;
    if (c->filled == 0) { /* all null so far */
        while (row < rows && (field[0] & POSITION) + 1 == field[1]) {
            field += stride;
            row++;
        }
        if (row == rows) {
            c->nulls += rows;
            return MORE;
        }
        c->nulls += row;
        memset(c->codes, 0xff, (size_t)(first + row) * sizeof *c->codes);
    }
    int32_t *codes = c->codes + first;
    int32_t last_code = c->last_code;
    const uint8_t *last = last_code < 0 ? NULL : c->bytes + c->offsets[last_code];
    int64_t last_size = last_code < 0 ? 0 : c->offsets[last_code + 1] - c->offsets[last_code];
    int64_t nulls = 0;
    const int ahead = c->slots != NULL && c->slot_mask >= LARGE_TABLE;
    if (ahead) look_ahead(s, text, c);
    for (; row < rows; row++, field += stride) {
        uint32_t start = field[0] & POSITION, end = field[1];
        const uint8_t *value = text + start;
        int64_t size = (int64_t)(end & POSITION) - 1 - start;
        if ((end & QUOTED_FIELD) && !unquote(s, &value, &size)) return NO_MEMORY;
        if (size == 0) {
            codes[row] = -1;
            nulls++;
            continue;
        }
        if (size != last_size || !equal(value, last, size)) {
            const int known = ahead && !(end & QUOTED_FIELD);
            last_code = code_of(s, c, value, size, known ? s->hashes[row] : hashed(value, size, s->seed));
            if (last_code < 0) {
                s->said.row = s->said.rows + row + 1;
                s->said.column = index;
                return last_code;
            }
            last = c->bytes + c->offsets[last_code];
            last_size = size;
        }
        codes[row] = last_code;
    }
    c->last_code = last_code;
    c->nulls += nulls;
    c->filled = first + rows;
    return MORE;
}

/* Make codes of the group's rows. */
static int code_group(scanner *s, const uint8_t *text) {
    if (s->group_rows == 0) return MORE;
    for (int64_t index = 0; index < s->wanted; index++) {
        int said = code_column(s, text, &s->columns[index], index);
        if (said != MORE) return said;
    }
    s->said.batch_rows += s->group_rows;
    s->said.rows += s->group_rows;
    /* The record that is being read becomes the first of the next group. */
    const uint32_t *open = s->ends + s->group_rows * s->stride;
    int64_t known = s->ended < s->fields ? s->ended : s->fields;
    memmove(s->ends, open, (size_t)(known + 1) * sizeof *open);
    s->group_rows = 0;
    return MORE;
}

/* ---- separators --------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t commas, others; /* others: quotes and line breaks */
} masks;

#if WITH_SSE2
static inline masks masks_of(const uint8_t *text) {
    const __m128i comma = _mm_set1_epi8(','), quote = _mm_set1_epi8('"');
    const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
    masks found = {0, 0};
    for (int part = 0; part < 4; part++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text + 16 * part));
        __m128i other = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
                                     _mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr)));
        found.commas |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, comma)) << (16 * part);
        found.others |= (uint64_t)(uint32_t)_mm_movemask_epi8(other) << (16 * part);
    }
    return found;
}
#elif WITH_NEON
/* One bit for each of 64 truth bytes. */
static inline uint64_t bits_of(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d) {
    const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t weight = vld1q_u8(weights);
    uint8x16_t low = vpaddq_u8(vandq_u8(a, weight), vandq_u8(b, weight));
    uint8x16_t high = vpaddq_u8(vandq_u8(c, weight), vandq_u8(d, weight));
    uint8x16_t both = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(both, both)), 0);
}

static inline masks masks_of(const uint8_t *text) {
    const uint8x16_t comma = vdupq_n_u8(','), quote = vdupq_n_u8('"'), lf = vdupq_n_u8('\n'), cr = vdupq_n_u8('\r');
    uint8x16_t commas[4], others[4];
    for (int part = 0; part < 4; part++) {
        uint8x16_t bytes = vld1q_u8(text + 16 * part);
        commas[part] = vceqq_u8(bytes, comma);
        others[part] = vorrq_u8(vceqq_u8(bytes, quote), vorrq_u8(vceqq_u8(bytes, lf), vceqq_u8(bytes, cr)));
    }
    masks found = {bits_of(commas[0], commas[1], commas[2], commas[3]),
                   bits_of(others[0], others[1], others[2], others[3])};
    return found;
}
#else
static inline masks masks_of(const uint8_t *text) {
    masks found = {0, 0};
    for (int at = 0; at < 64; at++) {
        uint8_t byte = text[at];
        found.commas |= (uint64_t)(byte == ',') << at;
        found.others |= (uint64_t)(byte == '"' || byte == '\n' || byte == '\r') << at;
    }
    return found;
}
#endif

static inline int lowest(uint64_t bits) {
#if defined(__GNUC__)
    return __builtin_ctzll(bits);
#else
    int at = 0;
    while (!(bits >> at & 1)) at++;
    return at;
#endif
}

static inline int count(uint64_t bits) {
    bits = bits - ((bits >> 1) & 0x5555555555555555u);
    bits = (bits & 0x3333333333333333u) + ((bits >> 2) & 0x3333333333333333u);
    return (int)((((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u) >> 56);
}

static inline uint32_t *open_row(scanner *s) { return s->ends + s->group_rows * s->stride; }

static inline void end_field(scanner *s, int64_t end) {
    if (s->ended < s->fields) open_row(s)[s->ended + 1] = (uint32_t)(end + 1) | s->flag;
    s->ended++;
    s->flag = 0;
    s->field_start = end + 1;
}

/* Fields that end at these commas of the 64 bytes at `at`. */
static inline void end_fields(scanner *s, int64_t at, uint64_t bits) {
    const int commas = count(bits);
    if (s->ended + commas >= s->fields) { /* more than there should be */
        for (; bits != 0; bits &= bits - 1) end_field(s, at + lowest(bits));
        return;
    }
    uint32_t *out = open_row(s) + s->ended + 1;
    const uint32_t after = (uint32_t)at + 1;
    out[0] = (after + (uint32_t)lowest(bits)) | s->flag;
    bits &= bits - 1;
    for (int done = 1; done < commas; done += 8) { /* eight at a time, whether there are so many or not */
        for (int next = 0; next < 8; next++) {
            out[done + next] = after + (uint32_t)lowest(bits | (uint64_t)1 << 63);
            bits &= bits - 1;
        }
    }
    s->flag = 0;
    s->ended += commas;
    s->field_start = out[commas - 1] & POSITION;
}

static inline void start_row(scanner *s, int64_t start) {
    open_row(s)[0] = (uint32_t)start;
    s->ended = 0;
    s->field_start = start;
}

/* Whether a record that begins and ends there touches three blocks of the text. */
static int too_long(const scanner *s, int64_t start, int64_t last) {
    if (last - start < s->block) return 0;
    return (s->offset + last) / s->block - (s->offset + start) / s->block >= 2;
}

/* A record ends: its last field at `end`, its line at `last`. */
static int end_row(scanner *s, int64_t end, int64_t last) {
    int64_t start = open_row(s)[0];
    end_field(s, end);
    if (s->ended != s->fields) {
        s->said.row = s->said.rows + s->group_rows + 1;
        s->said.fields = s->ended;
        return RAGGED;
    }
    if (too_long(s, start, last)) {
        s->said.row = s->said.rows + s->group_rows + 1;
        return TOO_LONG;
    }
    s->empty_bytes = 0;
    s->group_rows++;
    start_row(s, last + 1);
    return MORE;
}

/* One more byte of empty lines. */
static int count_empty(scanner *s) {
    if (++s->empty_bytes <= s->empty_limit) return MORE;
    s->said.row = s->said.rows + s->group_rows;
    return EMPTY;
}

/* A line break at `place`, outside quotes. */
static int end_line(scanner *s, int64_t place, uint8_t byte) {
    const int starts = s->ended == 0 && place == s->field_start;
    if (starts && byte == '\n' && s->after_cr) { /* the second half of a CRLF */
        s->after_cr = 0;
        start_row(s, place + 1);
        return s->empty_bytes == 0 ? MORE /* the first half ended a record */ : count_empty(s);
    }
    s->after_cr = byte == '\r';
    if (starts && s->fields > 1) {
        start_row(s, place + 1);
        return count_empty(s);
    }
    return end_row(s, place, place);
}

/* Find the ends of fields in text[s->at, size) until the text, the group, the batch or, if asked for, a record ends. */
static int split(scanner *s, const uint8_t *text, int64_t size, int one_record) {
    int64_t most = s->max_rows - s->said.batch_rows;
    if (most > s->group_max) most = s->group_max;
    if (one_record) most = 1;
    while (s->at < size && s->group_rows < most) {
        const int64_t at = s->at;
        masks found;
        if (size - at >= 64) {
            found = masks_of(text + at);
            s->at = at + 64;
        } else {
            uint8_t rest[64] = {0};
            memcpy(rest, text + at, (size_t)(size - at));
            found = masks_of(rest);
            s->at = size;
        }
        /* From one quote or line break to the next, with the commas between them together. */
        for (;;) {
            const int next = found.others == 0 ? 64 : lowest(found.others);
            const int64_t place = at + next;
            if (s->quoting != QUOTED) {
                const uint64_t commas = next == 64 ? found.commas : found.commas & (((uint64_t)1 << next) - 1);
                if (commas != 0) {
                    s->quoting = PLAIN;
                    end_fields(s, at, commas);
                }
            }
            if (next == 64) break;
            /* What lies before this byte is done. */
            found.commas &= ~(((uint64_t)1 << next) - 1);
            found.others &= found.others - 1;
            const uint8_t byte = text[place];
            if (s->quoting == QUOTED) {
                if (byte == '"') {
                    s->quoting = AFTER_QUOTE;
                    s->quote_end = place + 1;
                }
            } else if (byte == '"') {
                if (s->quoting == AFTER_QUOTE && place == s->quote_end) {
                    s->quoting = QUOTED;
                } else if (place == s->field_start) {
                    s->quoting = QUOTED;
                    s->flag = QUOTED_FIELD;
                } else {
                    s->quoting = PLAIN;
                }
            } else {
                s->quoting = PLAIN;
                const int said = end_line(s, place, byte);
                if (said != MORE) return said;
                if (s->group_rows >= most) {
                    s->at = place + 1;
                    break;
                }
            }
        }
    }
    return MORE;
}

/* ---- pieces ------------------------------------------------------------------------------------------------- */

/* From now on positions count from `start` of the text at hand. */
static void rebase(scanner *s, int64_t start) {
    uint32_t *row = open_row(s);
    int64_t known = s->ended < s->fields ? s->ended : s->fields;
    for (int64_t at = 0; at <= known; at++) row[at] -= (uint32_t)start;
    s->at -= start;
    s->field_start -= start;
    s->quote_end -= start;
    s->offset += start;
}

/* What is carried stays within MAX_TEXT: it touches two blocks at most, and is no more than doubled. */
static int append(scanner *s, const uint8_t *text, int64_t size) {
    if (size == 0) return 1;
    if (!reserve((void **)&s->carry, &s->carry_size, s->carried + size, 1)) return 0;
    memcpy(s->carry + s->carried, text, (size_t)size);
    s->carried += size;
    return 1;
}

static int is_full(const scanner *s) {
    return s->said.batch_rows == s->max_rows || s->dictionary_bytes > s->dictionary_limit;
}

/* The end of the whole text, which is also that of a last record without a line end. */
static int end_text(scanner *s) {
    if (s->quoting == QUOTED) {
        s->said.row = s->said.rows;
        return UNCLOSED;
    }
    if (s->carried == 0) return MORE;
    int said = end_row(s, s->carried, s->carried - 1);
    if (said == MORE) said = code_group(s, s->carry);
    s->carried = 0;
    start_row(s, 0);
    s->at = 0;
    return said;
}

static int feed(scanner *s, const uint8_t *text, int64_t size, int last, int64_t *read) {
    if (size < 0 || size > MAX_TEXT) return TOO_LARGE;
    if (is_full(s)) return FULL;
    int64_t at = 0;
    int said;
    while (s->carried > 0 && at < size) { /* the rest of the record that the piece before began */
        int64_t more = s->carried < 4096 ? 4096 : s->carried;
        if (more > size - at) more = size - at;
        if (!append(s, text + at, more)) return NO_MEMORY;
        at += more;
        if ((said = split(s, s->carry, s->carried, 1)) != MORE) return said;
        if (s->group_rows > 0) {
            at -= s->carried - s->at;
            if ((said = code_group(s, s->carry)) != MORE) return said;
            rebase(s, s->at);
            s->carried = 0;
        } else if (too_long(s, open_row(s)[0], s->carried - 1)) {
            s->said.row = s->said.rows + 1;
            return TOO_LONG;
        }
    }
    while (s->carried == 0 && at < size) {
        if (is_full(s)) {
            *read = at;
            return FULL;
        }
        const uint8_t *rest = text + at;
        const int64_t left = size - at;
        if ((said = split(s, rest, left, 0)) != MORE) return said;
        if ((said = code_group(s, rest)) != MORE) return said;
        const int64_t start = open_row(s)[0];
        const int whole = s->at < left; /* the group or the batch is full */
        rebase(s, start);
        at += start;
        if (whole || start == left) continue;
        if (too_long(s, 0, left - start - 1)) {
            s->said.row = s->said.rows + 1;
            return TOO_LONG;
        }
        if (!append(s, text + at, left - start)) return NO_MEMORY;
        at = size;
    }
    *read = at;
    if (last && (said = end_text(s)) != MORE) return said;
    return is_full(s) ? FULL : MORE;
}

/* Read a piece of text; *read says how much of it was. `last`: nothing comes after it.
 *
 * After FULL the batch is to be taken and begun anew, and what is left of the piece to be given again.
 */
API int staxpipe_feed(scanner *s, const uint8_t *text, int64_t size, int last, int64_t *read) {
    *read = 0;
    if (s->failed == MORE) {
        const int said = feed(s, text, size, last, read);
        if (said >= 0) return said;
        s->failed = said;
    }
    return s->failed;
}

/* ---- life and batches --------------------------------------------------------------------------------------- */

API int staxpipe_abi(void) { return ABI; }

API void staxpipe_free(scanner *s) {
    if (s == NULL) return;
    for (int64_t index = 0; s->columns != NULL && index < s->wanted; index++) {
        free(s->columns[index].slots);
        free(s->columns[index].offsets);
        free(s->columns[index].bytes);
    }
    free(s->columns);
    free(s->ends);
    free(s->carry);
    free(s->scratch);
    free(s);
}

/* A scanner of a text with so many `fields`; `wanted` are the positions of the columns to read, rising.
 *
 * `block` bytes: a record that touches three blocks of the text is too long. `empty_limit`: bytes of empty lines on end.
 * `dictionary_limit`: a batch whose dictionaries hold more bytes ends early.
 * MORE with *made set; else NO_MEMORY or OUT_OF_BOUNDS.
 */
API int staxpipe_new(int64_t fields, const int64_t *wanted, int64_t wanted_count, int64_t batch_rows, int64_t block,
                     int64_t empty_limit, int64_t dictionary_limit, uint64_t seed, scanner **made) {
    if (fields < 1 || fields > MAX_FIELDS || wanted_count < 0 || wanted_count > fields) return OUT_OF_BOUNDS;
    if (batch_rows < 1 || batch_rows > MAX_BATCH || block < 1 || block > MAX_TEXT / 4) return OUT_OF_BOUNDS;
    for (int64_t index = 0; index < wanted_count; index++)
        if (wanted[index] < 0 || wanted[index] >= fields) return OUT_OF_BOUNDS;
    scanner *s = calloc(1, sizeof *s);
    if (s == NULL) return NO_MEMORY;
    s->fields = fields;
    s->wanted = wanted_count;
    s->max_rows = batch_rows;
    s->block = block;
    s->empty_limit = empty_limit;
    s->dictionary_limit = dictionary_limit;
    s->seed = seed;
    s->epoch = 0;
    s->stride = fields + 1;
    s->group_max = GROUP_ENDS / s->stride;
    if (s->group_max > GROUP_ROWS) s->group_max = GROUP_ROWS;
    if (s->group_max < 1) s->group_max = 1;
    s->ends = calloc((size_t)((s->group_max + 1) * s->stride + SLACK), sizeof *s->ends);
    s->columns = calloc((size_t)(wanted_count > 0 ? wanted_count : 1), sizeof *s->columns);
    if (s->ends == NULL || s->columns == NULL) {
        staxpipe_free(s);
        return NO_MEMORY;
    }
    for (int64_t index = 0; index < wanted_count; index++) s->columns[index].position = wanted[index];
    *made = s;
    return MORE;
}

/* Begin a batch. codes[i] has room for `batch_rows` codes of column i and stays the scanner's until the next batch. */
API void staxpipe_begin(scanner *s, int32_t *const *codes) {
    s->said.batch_rows = 0;
    s->dictionary_bytes = 0;
    s->epoch = s->epoch % 255 + 1;
    for (int64_t index = 0; index < s->wanted; index++) {
        column *c = &s->columns[index];
        c->codes = codes[index];
        c->filled = c->nulls = c->distinct = 0;
        c->last_code = -1;
        if (s->epoch == 1 && c->slots != NULL) memset(c->slots, 0, (size_t)(c->slot_mask + 1) * sizeof *c->slots);
    }
}

API void staxpipe_report(const scanner *s, report *to) { *to = s->said; }

/* Sizes of a column of the batch: [nulls, distinct values, their bytes]. */
API void staxpipe_sizes(const scanner *s, int64_t index, int64_t sizes[3]) {
    const column *c = &s->columns[index];
    sizes[0] = c->nulls;
    sizes[1] = c->distinct;
    sizes[2] = c->distinct == 0 ? 0 : c->offsets[c->distinct];
}

/* Copy a column's dictionary (distinct + 1 offsets, and its bytes) and, unless it is NULL, its rows' validity bits. */
API void staxpipe_take(const scanner *s, int64_t index, int32_t *offsets, uint8_t *bytes, uint8_t *validity) {
    const column *c = &s->columns[index];
    if (c->distinct == 0) {
        offsets[0] = 0;
    } else {
        memcpy(offsets, c->offsets, (size_t)(c->distinct + 1) * sizeof *offsets);
        memcpy(bytes, c->bytes, (size_t)c->offsets[c->distinct]);
    }
    if (validity == NULL) return;
    const int64_t rows = s->said.batch_rows;
    int64_t row = 0;
    for (; row + 8 <= rows; row += 8) {
        unsigned bits = 0;
        for (int at = 0; at < 8; at++) bits |= (unsigned)(c->codes[row + at] >= 0) << at;
        validity[row / 8] = (uint8_t)bits;
    }
    if (row < rows) {
        unsigned bits = 0;
        for (int at = 0; row + at < rows; at++) bits |= (unsigned)(c->codes[row + at] >= 0) << at;
        validity[row / 8] = (uint8_t)bits;
    }
}
