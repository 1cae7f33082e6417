"""The patterns of the description say what the form's rules take: neither more nor less."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from staxpipe.onboarding.api.sent import AccountDetails, Invite, MailAddress, SaveDetails
from staxpipe_tests.onboarding.api.conftest import DETAILS

SHORT = st.text(st.sampled_from("ab9-._/ =+@:,'()!AéZ*\n\x00٣"), max_size=12)
FIELDS = ("account_id", "bucket", "prefix", "region")
RULES = AccountDetails.model_json_schema()["properties"]


def described(rules: dict[str, Any], text: str) -> bool:
    """Whether the description allows a text."""
    if "enum" in rules:
        return text in rules["enum"]
    if not rules.get("minLength", 0) <= len(text) <= rules.get("maxLength", len(text)):
        return False
    return re.search(in_python(rules["pattern"]), text) is not None


def in_python(pattern: str) -> str:
    """A dollar of JSON Schema is the end; Python's is also what stands before a last line break."""
    return re.sub(r"\$(?=\)|$)", r"\\Z", pattern)


def taken(field: str, text: str) -> bool:
    try:
        AccountDetails.model_validate({**DETAILS, field: text})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("field", FIELDS)
@given(text=SHORT)
@example("")
@example("a" * 512)
@example("a" * 513)
@example("123456789012")
@example("123456789012\n")
@example("192.168.0.1")
@example("xn--bucket")
@example("bucket-s3alias")
@example("a..b")
@example("a/./b")
@example("a/.. /b")
@example("a/")
@example("eu-west-1")
def test_what_is_described_is_taken_and_nothing_else(field: str, text: str) -> None:
    assert taken(field, text) == described(RULES[field], text)


@pytest.mark.parametrize("field", ["account_id", "bucket", "prefix"])
@given(data=st.data())
def test_whatever_fits_a_pattern_is_taken(field: str, data: st.DataObject) -> None:
    rules = RULES[field]
    text = data.draw(st.from_regex(in_python(rules["pattern"])))
    if described(rules, text):  # its length, too
        assert taken(field, text)


MAIL = TypeAdapter(MailAddress)


@given(text=st.text(st.sampled_from("ab1@.-+_ A<>é\n"), min_size=4, max_size=12) | st.emails())
@settings(max_examples=300)
@example("ada@example.com")
@example("Ada <ada@example.com>")
@example("ada@EXAMPLE.com")
@example("a" * 65 + "@example.com")
@example("a@" + "b." * 130 + "com")
@example("ada@example.com\n")
@example("")
def test_mail_addresses_are_described_as_they_are_taken(text: str) -> None:
    try:
        MAIL.validate_python(text)
    except ValidationError:
        assert not described(MAIL.json_schema(), text)
    else:
        assert described(MAIL.json_schema(), text)


def test_the_form_gets_what_was_sent() -> None:
    details = SaveDetails(**DETAILS, contact="ada@example.com", version="x").details()
    assert (details.account_id, details.bucket, details.prefix) == (
        "123456789012",
        "acme-billing-reports",
        "cur/reports",
    )
    assert (details.region, details.contact) == ("eu-west-1", "ada@example.com")
    twice = Invite(addresses=["a@example.com", "a@example.com"], invited_by="Grace ", note="").invitation()
    assert (twice.addresses, twice.invited_by) == (("a@example.com",), "Grace")
