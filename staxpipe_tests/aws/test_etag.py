import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.aws.etag import EtagDigest, is_md5, number_of_parts


def md5(body: bytes) -> bytes:
    return hashlib.md5(body).digest()


@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(1, 30))
def test_it_is_that_of_the_bytes_however_they_come(chunks: list[bytes], part: int) -> None:
    body = b"".join(chunks)
    whole, in_parts = EtagDigest(), EtagDigest(part)
    for chunk in chunks:
        whole.update(chunk)
        in_parts.update(chunk)
    parts = [body[start : start + part] for start in range(0, max(len(body), 1), part)]
    assert whole.etag() == md5(body).hex()
    assert in_parts.etag() == f"{md5(b''.join(map(md5, parts))).hex()}-{len(parts)}"


@pytest.mark.parametrize(
    ("etag", "whole", "parts"),
    [
        ("0" * 32, True, None),
        ("0" * 32 + "-1", False, 1),
        ("0" * 32 + "-10000", False, 10_000),
        ("0" * 32 + "-0", False, None),
        ("0" * 31, False, None),
        ("G" * 32, False, None),
        ("1f-17a", False, None),
        ("", False, None),
    ],
)
def test_what_its_form_says(etag: str, whole: bool, parts: int | None) -> None:
    assert is_md5(etag) is whole
    assert number_of_parts(etag) == parts
