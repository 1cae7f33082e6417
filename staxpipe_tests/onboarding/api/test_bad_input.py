"""Whatever is sent is answered by a problem in words, costs little, and changes nothing."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from staxpipe.onboarding import steps
from staxpipe_tests.onboarding.api.conftest import DETAILS, REQUESTS, Pages, Serve, begin, problem, program

WRONG: list[tuple[dict[str, object], str, str]] = [
    ({"account_id": "1234-5678-9012"}, "details.account_id", "Write exactly: 123456789012"),
    ({"account_id": "١٢٣٤٥٦٧٨٩٠١٢"}, "details.account_id", "only digits"),
    ({"account_id": 123456789012}, "details.account_id", "Write text in quotes"),
    ({"bucket": "s3://acme-billing-reports/cur"}, "details.bucket", "Write exactly: acme-billing-reports"),
    ({"bucket": "Acme"}, "details.bucket", "no capital letters"),
    ({"bucket": "acme\u202ereports"}, "details.bucket", "only small letters"),
    ({"prefix": "/cur"}, "details.prefix", "without a slash"),
    ({"prefix": "a/../b"}, "details.prefix", "“..”"),
    ({"prefix": "cur\x00"}, "details.prefix", "an invisible character"),
    ({"prefix": "*"}, "details.prefix", "this has “*”"),
    ({"region": "mars-1"}, "details.region", "from the list"),
    ({"contact": "Ada <ada@example.com>"}, "details.contact", "Write exactly: ada@example.com"),
    ({"contact": "ada@example.com\nBcc: eve@example.com"}, "details.contact", "not a mail address"),
    ({"contact": ""}, "details.contact", "leave this field out"),
    ({"external_id": "mine"}, "details.external_id", "There is no such field."),
]


def test_what_is_wrong_is_told_by_field_and_nothing_is_begun(pages: Pages) -> None:
    client = program(pages)
    for change, field, words in WRONG:
        details: dict[str, object] = {**DETAILS}
        body = {"details": details | change}
        answer = client.post(REQUESTS, json=body, headers={"Idempotency-Key": "first"})
        [error] = problem(answer, 422, "invalid")["errors"]
        assert error["field"] == field
        assert words in error["detail"]
    missing = problem(client.post(REQUESTS, json={"details": {}}), 422, "invalid")["errors"]
    assert {one["field"] for one in missing} == {
        "details.account_id",
        "details.bucket",
        "details.region",
        "Idempotency-Key",
    }
    assert client.get(REQUESTS).json()["requests"] == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 60_000, 400),
        (b'{"details": ' + b"9" * 5_000 + b"}", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b'{"\\ud800": 1, "' + b"x" * 5_000 + b'": 2}', 422),
        (b"{" + b", ".join(b'"a%d": 0' % number for number in range(3_000)) + b"}", 422),
        (b'{"details": {"account_id": "\\ud800"}}', 422),
    ],
)
def test_whatever_is_sent_is_answered_in_words(pages: Pages, content: bytes, status: int) -> None:
    headers = {"Idempotency-Key": "first", "Content-Type": "application/json"}
    answer = program(pages).post(REQUESTS, content=content, headers=headers)
    problem(answer, status, "unreadable" if status == 400 else "invalid")
    assert len(answer.content) < 10_000, "an answer is not larger than what was sent"


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 201, "a\tb"])
def test_keys_are_short_plain_words(pages: Pages, key: str) -> None:
    answer = program(pages).post(REQUESTS, json={}, headers={b"Idempotency-Key": key.encode("latin-1")})
    assert problem(answer, 422, "invalid")["errors"][0]["field"] == "Idempotency-Key"


def test_ten_megabytes_are_refused_before_they_are_read(pages: Pages) -> None:
    client = program(pages)
    for content in (b"x" * 10_485_760, (b"x" * 65_536 for _ in range(160))):
        problem(client.post(REQUESTS, content=content, headers={"Idempotency-Key": "k"}), 413, "too-large")
    place = urlsplit(pages.url)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port or 80), timeout=20) as wire:
        wire.sendall(f"POST {REQUESTS} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 10485760\r\n\r\n".encode())
        assert b" 413 " in wire.recv(65_536), "and none of it was sent"


def test_other_addresses_and_methods_are_problems_too(pages: Pages) -> None:
    client = program(pages)
    problem(client.get("/api/v1/nowhere"), 404, "not-found")
    refused = client.delete(REQUESTS)
    problem(refused, 405, "method-not-allowed")
    assert refused.headers["allow"] == "GET, POST"
    for odd in ("%00", "..%2f..", "é" * 22, "' OR 1=1 --"):
        problem(client.get(f"{REQUESTS}/{odd}"), 404, "not-found")
    assert problem(client.get(REQUESTS, params={"after": "\x00"}), 422, "invalid")["errors"][0]["field"] == "after"
    assert problem(client.get(REQUESTS, params={"limt": "2"}), 422, "invalid")["errors"][0]["field"] == "limt"


def test_without_an_operators_role_it_says_who_must_mend_it(serve: Serve) -> None:
    pages = serve(operator_role_arn=None)
    answer = begin(program(pages))
    assert answer.status_code == 201
    assert "STAXPIPE_OPERATOR_ROLE_ARN is not set" in answer.json()["deployment_missing"]


def test_a_mistake_of_ours_shows_no_inner_workings(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the inner workings")

    monkeypatch.setattr(steps, "begin", broken)
    answer = begin(program(pages))
    assert problem(answer, 500, "mistake-of-ours")["title"] == "Internal Server Error"
    assert "inner" not in answer.text
