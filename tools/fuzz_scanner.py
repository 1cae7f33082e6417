"""Fuzz the native scanner under AddressSanitizer and UBSan, against Python's csv module.

``python tools/fuzz_scanner.py --seconds 300`` makes CSV texts from seeds and damages them, cuts them into pieces that
end anywhere, and compares every value and every refusal; with ``--cases 2000 --seed 1`` the same ones each time.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from staxpipe.scan.scanner import Said

SOURCE = Path(__file__).with_name("fuzz_scanner.c")
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
BUILDS = {"this processor": [], "any processor": ["-DSTAXPIPE_PORTABLE"]}
ROUND = 500

TOKENS = [
    b",",
    b'"',
    b'""',
    b"\n",
    b"\r",
    b"\r\n",
    b"a",
    b" ",
    b"\0",
    b"\xff",
    "é".encode(),
    b"\xed\xa0\x80",
    b"x" * 70,
]
VALUES = [b"", b'""', b"a", b"0.0000000000", b'"a,b"', b'"a ""b"""', b'"two\nlines"', b'a"b', b'"a"b', "Ürün".encode()]


class NoSanitizerError(Exception):
    """There is no gcc here that has AddressSanitizer."""


@dataclass(frozen=True)
class Case:
    """One text and how it is given to the scanner."""

    text: bytes
    fields: int
    wanted: tuple[int, ...]
    batch_rows: int
    block: int
    pieces: tuple[int, ...]

    def packed(self) -> bytes:
        """As fuzz_scanner.c reads it."""
        numbers = [self.fields, self.batch_rows, self.block, len(self.wanted), *self.wanted, len(self.pieces)]
        numbers += self.pieces
        return struct.pack(f"={len(numbers)}q", *numbers) + self.text


@dataclass(frozen=True)
class Found:
    """What the scanner made of a case: the rows that it gave, and how it ended."""

    rows: list[tuple[bytes | None, ...]]
    said: Said
    row: int
    column: int
    fields: int


def make_case(chance: random.Random) -> Case:
    """A text that is more or less CSV."""
    fields = chance.choice([1, 2, 3, 5, 70, 300])
    common = [chance.choice(VALUES) for _ in range(4)]
    end = chance.choice([b"\n", b"\r\n", b"\r"])
    rows = []
    for _ in range(chance.randrange(40 if fields < 70 else 8)):
        pick = (
            common if chance.random() < 0.8 else [*VALUES, b"%d" % chance.randrange(10**9), b"v" * chance.randrange(99)]
        )
        rows.append(b",".join(chance.choice(pick) for _ in range(fields)))
    text = bytearray(end.join(rows) + (end if chance.random() < 0.7 else b""))
    for _ in range(chance.choice([0, 0, 1, 2, 9])):
        at = chance.randrange(len(text) + 1)
        match chance.randrange(4):
            case 0:
                text[at:at] = chance.choice(TOKENS)
            case 1:
                del text[at : at + chance.randrange(1, 30)]
            case 2:
                text[at : at + 1] = chance.randbytes(1)
            case _:
                start = chance.randrange(len(text) + 1)
                text[at:at] = text[start : start + chance.randrange(200)]
    wanted = tuple(sorted(chance.sample(range(fields), chance.randint(1, fields))))
    block = chance.choice([16, 64, 1 << 20, 1 << 20, 1 << 20])
    return Case(bytes(text), fields, wanted, chance.choice([1, 2, 7, 1000]), block, _pieces(len(text), chance))


def _pieces(size: int, chance: random.Random) -> tuple[int, ...]:
    most = chance.choice([1, 3, 64, 65, 1000, 1 << 20])
    pieces = []
    while size > 0:
        pieces.append(min(size, chance.randint(0 if most == 1 else 1, most) or 1))
        size -= pieces[-1]
        if chance.random() < 0.01:
            pieces.append(0)
    return (*pieces, 0) if chance.random() < 0.5 or not pieces else tuple(pieces)


def expected(text: bytes) -> tuple[list[list[bytes]], bool]:
    """The records that Python's csv module finds, empty lines as [], and whether the text ends inside a quote."""
    mark = "\x01the end\x01"
    decoded = text.decode("utf-8", "surrogateescape")
    records = list(csv.reader(io.StringIO(decoded + "\n" + mark, newline="")))
    if records[-1] != [mark]:
        return [_encoded(record) for record in records[:-1]], True
    records.pop()
    if decoded[-1:] in ("", "\n") and records and records[-1] == []:
        records.pop()  # the line break before the mark; after a CR it was the rest of one
    return [_encoded(record) for record in records], False


def _encoded(record: list[str]) -> list[bytes]:
    return [value.encode("utf-8", "surrogateescape") for value in record]


def check(case: Case, found: Found) -> str | None:
    """What is wrong with what the scanner found, in words."""
    records, unclosed = expected(case.text)
    rows = [record or [b""] for record in records if record or case.fields == 1]
    given = [tuple(row[at] or None if at < len(row) else None for at in case.wanted) for row in rows]
    if found.rows != given[: len(found.rows)]:
        return "other values"
    ragged = next((at for at, row in enumerate(rows, 1) if len(row) != case.fields), None)
    match found.said:
        case Said.MORE:
            if unclosed or ragged is not None or len(found.rows) != len(rows):
                return f"accepted with {len(found.rows)} rows of {len(rows)}, ragged: {ragged}, unclosed: {unclosed}"
            return None if all(_is_utf8(value) for row in given for value in row) else "accepted what is not UTF-8"
        case Said.RAGGED:
            right = ragged == found.row and len(rows[found.row - 1]) == found.fields
            return None if right else f"ragged is row {ragged}"
        case Said.NOT_UTF8:
            right = found.row <= len(rows) and not _is_utf8(given[found.row - 1][found.column])
            return None if right else "it is UTF-8"
        case Said.UNCLOSED:
            return None if unclosed else "no quote is open"
        case Said.TOO_LONG | Said.EMPTY:
            return None if len(case.text) > case.block else "the text is short"
        case _:
            return "this must not happen"


def _is_utf8(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def run(binary: Path, cases: list[Case]) -> Iterator[Found]:
    """Run the scanner on cases, in one process.

    Raises:
        SystemExit: a sanitizer stopped it.
    """
    done = subprocess.run([binary], input=b"".join(case.packed() for case in cases), capture_output=True, check=False)
    output = io.BytesIO(done.stdout)
    for number, case in enumerate(cases):
        try:
            yield _read(output, len(case.wanted))
        except struct.error:
            raise SystemExit(f"case {number}: {case}\n{done.stderr.decode(errors='replace')}") from None
    if done.returncode != 0:
        raise SystemExit(done.stderr.decode(errors="replace"))


def _read(output: io.BytesIO, columns: int) -> Found:
    def number() -> int:
        return int(struct.unpack("=q", output.read(8))[0])

    rows: list[tuple[bytes | None, ...]] = []
    while (batch := number()) >= 0:
        values = [
            [output.read(size) if (size := number()) >= 0 else None for _ in range(batch)] for _ in range(columns)
        ]
        rows += zip(*values, strict=True)
    return Found(rows, Said(number()), number(), number(), number())


def compiled(folder: Path, flags: list[str]) -> Path:
    """The harness with sanitizers.

    Raises:
        NoSanitizerError: there is no compiler that has them.
    """
    binary = folder / ("fuzz" + "".join(flags))
    command = ["gcc", "-std=c11", "-O1", "-g", *SANITIZERS, *flags, "-o", str(binary), str(SOURCE)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        raise NoSanitizerError("gcc is not there") from None
    if done.returncode != 0:
        raise NoSanitizerError(done.stderr.decode(errors="replace"))
    return binary


def fuzz(cases: int | None, seconds: float, seed: int) -> int:
    """Run so many cases, or for so long; returns how many ran.

    Raises:
        SystemExit: something was found, with the case that shows it.
        NoSanitizerError: there is no compiler for it.
    """
    csv.field_size_limit(1 << 30)
    chance = random.Random(seed)  # noqa: S311  # nothing secret
    ran, until = 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        binaries = {name: compiled(Path(folder), flags) for name, flags in BUILDS.items()}
        while ran < cases if cases is not None else time.monotonic() < until:
            batch = [make_case(chance) for _ in range(ROUND if cases is None else min(ROUND, cases - ran))]
            for name, binary in binaries.items():
                for case, found in zip(batch, run(binary, batch), strict=True):
                    if wrong := check(case, found):
                        raise SystemExit(f"{name}: {wrong}\n{case}\n{found}")
            ran += len(batch)
    return ran


def main(arguments: list[str]) -> int:
    """Fuzz; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--cases", type=int)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}")
    print(f"{fuzz(given.cases, given.seconds, given.seed):,} cases, each on {len(BUILDS)} builds: nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
