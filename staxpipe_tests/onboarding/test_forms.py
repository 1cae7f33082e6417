"""Each field's rule: what is taken, what is taken apart, and what is refused with which words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.db.link_requests import Details
from staxpipe.linking.quick_create import template_text
from staxpipe.onboarding import forms
from staxpipe.onboarding.forms import Errors, Invitation

GOOD = {"account_id": "123456789012", "bucket": "acme-billing", "prefix": "cur", "region": "eu-west-1", "contact": ""}


def details(**changes: str) -> Details | Errors:
    return forms.check_details({**GOOD, **changes})


def error(field: str, **changes: str) -> str:
    checked = details(**changes)
    assert isinstance(checked, Errors)
    assert list(checked.by_field) == [field]
    return checked.by_field[field]


@pytest.mark.parametrize("text", ["123456789012", "1234-5678-9012", " 1234 5678 9012 ", "1234\u20135678\u20139012"])
def test_account_ids_are_taken_as_people_write_them(text: str) -> None:
    checked = details(account_id=text)
    assert isinstance(checked, Details)
    assert checked.account_id == "123456789012"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Write the account id"),
        ("12345678901", "exactly 12 digits, and this has 11"),
        ("1234567890123", "this has 13"),
        ("acme-prod", "only digits"),
        ("١٢٣٤٥٦٧٨٩٠١٢", "only digits"),
        ("12345678901²", "only digits"),
        ("123456789012\n1", "only digits"),
    ],
)
def test_other_account_ids_are_refused(text: str, words: str) -> None:
    assert words in error("account_id", account_id=text)


@pytest.mark.parametrize(
    ("pasted", "bucket", "prefix"),
    [
        ("acme-billing", "acme-billing", ""),
        ("acme.billing.2026", "acme.billing.2026", ""),
        ("  acme-billing  ", "acme-billing", ""),
        ("acme-billing/cur/reports/", "acme-billing", "cur/reports"),
        ("s3://acme-billing", "acme-billing", ""),
        ("S3://acme-billing/cur/reports/", "acme-billing", "cur/reports"),
        ("arn:aws:s3:::acme-billing", "acme-billing", ""),
        ("arn:aws:s3:::acme-billing/cur/reports", "acme-billing", "cur/reports"),
        ("https://acme-billing.s3.eu-west-1.amazonaws.com/cur/", "acme-billing", "cur"),
        ("https://acme-billing.s3.amazonaws.com", "acme-billing", ""),
        ("https://acme.billing.s3-eu-west-1.amazonaws.com/cur", "acme.billing", "cur"),
        ("https://s3.eu-west-1.amazonaws.com/acme-billing/cur%20reports/", "acme-billing", "cur reports"),
        ("https://eu-west-1.console.aws.amazon.com/s3/buckets/acme-billing?region=eu-west-1", "acme-billing", ""),
        (
            "https://s3.console.aws.amazon.com/s3/buckets/acme-billing?prefix=cur/reports/&showversions=false",
            "acme-billing",
            "cur/reports",
        ),
    ],
)
def test_a_pasted_bucket_is_taken_apart(pasted: str, bucket: str, prefix: str) -> None:
    checked = details(bucket=pasted, prefix="")
    assert isinstance(checked, Details)
    assert (checked.bucket, checked.prefix) == (bucket, prefix)


@pytest.mark.parametrize(
    "pasted",
    [
        "https://us-west-2.console.aws.amazon.com/s3/buckets/acme-billing?region=us-west-2&tab=objects",
        "https://acme-billing.s3.us-west-2.amazonaws.com/cur/",
        "https://acme-billing.s3.dualstack.us-west-2.amazonaws.com/cur/",
        "https://s3.us-west-2.amazonaws.com/acme-billing",
    ],
)
def test_a_region_said_twice_must_be_the_same(pasted: str) -> None:
    assert "above is of us-west-2, and this field says eu-west-1" in error("region", bucket=pasted, prefix="")
    assert isinstance(details(bucket=pasted, prefix="", region="us-west-2"), Details)


def test_a_prefix_said_twice_must_be_the_same() -> None:
    checked = details(bucket="s3://acme-billing/cur/", prefix="cur")
    assert isinstance(checked, Details)
    assert checked.prefix == "cur"
    assert "says other and this field says cur" in error("prefix", bucket="s3://acme-billing/other", prefix="cur")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Write the name"),
        ("ab", "3 to 63 characters, and this has 2"),
        ("a" * 64, "this has 64"),
        ("Acme-Billing", "Did you mean acme-billing?"),
        ("acme_billing", "only small letters"),
        ("-acme", "begins and ends"),
        ("acme-", "begins and ends"),
        ("acme..billing", "two dots"),
        ("192.168.5.4", "IP address"),
        ("xn--acme", "keeps such names"),
        ("acme-s3alias", "keeps such names"),
        ("acme--x-s3", "keeps such names"),
        ("bücket", "only small letters"),
        ("acme billing", "only small letters"),
        ("acme\x00billing", "only small letters"),
        ("arn:aws:iam::123456789012:role/acme", "does not name a bucket"),
        ("https://example.com/acme", "does not name a bucket"),
        ("https://[", "does not name a bucket"),
        ("s3://", "does not name a bucket"),
    ],
)
def test_other_bucket_names_are_refused(text: str, words: str) -> None:
    assert words in error("bucket", bucket=text, prefix="")


@pytest.mark.parametrize(
    ("text", "prefix"), [("", ""), ("cur", "cur"), ("cur/reports/", "cur/reports"), (" a b/(c)!'.-_ ", "a b/(c)!'.-_")]
)
def test_prefixes_lose_their_last_slash(text: str, prefix: str) -> None:
    checked = details(prefix=text)
    assert isinstance(checked, Details)
    assert checked.prefix == prefix


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/cur", "without a slash at its beginning: cur"),
        ("/", "Leave the prefix empty"),
        ("/ /", "Leave the prefix empty"),
        ("/a*/", "this has “*”"),
        ("cur/../secret", "without “..”"),
        ("..", "without “..”"),
        ("cur//reports", "two slashes"),
        ("c" * 513, "at most 512 characters, and this has 513"),
        ("s3://acme/cur", "Only the part behind".lower()),
        ("@cur", "does not begin with @"),
        ("cur*", "this has “*”"),
        ("cur?", "this has “?”"),
        ("${aws:username}", "this has “$”"),
        ("cür", "this has “ü”"),
        ("cur\nreports", "invisible character"),
        ("cur\x00", "invisible character"),
    ],
)
def test_other_prefixes_are_refused(text: str, words: str) -> None:
    assert words in error("prefix", prefix=text).replace("Write only", "only")


@given(st.text(st.sampled_from("aZ0!_.'()/ =+@:,-*?$"), max_size=12) | st.text(max_size=40))
def test_what_the_form_takes_the_template_takes(text: str) -> None:
    pattern = re.search(r'\n  BucketPrefix:\n    Type.*?AllowedPattern: "(.*?)"\n', template_text(), re.DOTALL)
    assert pattern is not None
    try:
        prefix = forms.clean_prefix(text)
    except ValueError:
        return
    assert re.fullmatch(pattern[1], prefix)


def test_regions_come_from_the_list() -> None:
    assert "Choose a region" in error("region", region="eu-west-9")
    assert "Choose a region" in error("region", region="")


@pytest.mark.parametrize("text", ["ada@example.com", "ada.b+c@mail.example.co.uk", "Ada Byron <ada@example.com>"])
def test_mail_addresses_are_taken(text: str) -> None:
    checked = details(contact=text)
    assert isinstance(checked, Details)
    assert checked.contact is not None
    assert checked.contact in text


@pytest.mark.parametrize(
    "text",
    [
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "ada@@example.com",
        "a da@example.com",
        "ada@example..com",
        ".ada@example.com",
        "ada@-example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\x00",
        "a" * 65 + "@example.com",
        "ada@" + "e" * 250 + ".com",
        "<ada@example.com><eve@example.com>",
    ],
)
def test_other_mail_addresses_are_refused(text: str) -> None:
    assert "is not a mail address" in error("contact", contact=text)


def test_all_fields_complain_at_once() -> None:
    checked = forms.check_details({})
    assert isinstance(checked, Errors)
    assert set(checked.by_field) == {"account_id", "bucket", "region"}


def test_addresses_are_parted_and_named_once() -> None:
    raw = {
        "addresses": "ada@example.com, Bob <bob@EXAMPLE.com>;\n ada@example.com\r\n",
        "note": " Hi\r\nall ",
        "invited_by": "Grace",
    }
    assert forms.check_invitation(raw) == Invitation(("ada@example.com", "bob@example.com"), "Hi\nall", "Grace")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("addresses", " ,; \n", "at least one colleague"),
        ("addresses", "ada@example.com, bob", "bob is not a mail address"),
        (
            "addresses",
            ",".join(f"a{n}@example.com" for n in range(11)),
            "At most 10 colleagues can be invited, and these are 11",
        ),
        ("note", "x" * 1001, "at most 1,000 characters, and this has 1,001"),
        ("note", "x\x07", "control characters"),
        ("invited_by", "  ", "Write your name"),
        ("invited_by", "Grace\r\nBcc: eve@example.com", "on one line"),
        ("invited_by", "x" * 101, "at most 100"),
    ],
)
def test_other_invitations_are_refused(field: str, value: str, words: str) -> None:
    raw = {"addresses": "ada@example.com", "note": "", "invited_by": "Grace", field: value}
    checked = forms.check_invitation(raw)
    assert isinstance(checked, Errors)
    assert list(checked.by_field) == [field]
    assert words in checked.by_field[field]


@given(st.dictionaries(st.sampled_from(list(GOOD)), st.text(max_size=80)))
def test_no_input_makes_it_crash_and_what_is_taken_is_clean(raw: dict[str, str]) -> None:
    checked = forms.check_details({**GOOD, **raw})
    if isinstance(checked, Details):
        assert re.fullmatch("[0-9]{12}", checked.account_id)
        assert re.fullmatch("[a-z0-9.-]{3,63}", checked.bucket)
        assert checked.prefix.isprintable()
        assert not checked.prefix.startswith("/")
