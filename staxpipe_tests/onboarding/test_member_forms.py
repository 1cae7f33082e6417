from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.onboarding.forms import Errors
from staxpipe.onboarding.member_forms import MOST_MEMBERS, Members, check_members

GOOD = {
    "bucket": "acme-reports-{account}",
    "prefix": "reports/",
    "region": "eu-west-1",
    "accounts": "1111-2222-3333\n444455556666, 444455556666",
}


def test_each_member_has_its_bucket() -> None:
    checked = check_members(GOOD)
    assert isinstance(checked, Members)
    assert checked.accounts == ("111122223333", "444455556666")
    details = checked.details("444455556666")
    assert (details.bucket, details.prefix, details.region) == ("acme-reports-444455556666", "reports", "eu-west-1")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("bucket", "acme-reports", "once"),
        ("bucket", "acme-{account}-{account}", "once"),
        ("bucket", "{account}-reports", "Something must stand before"),
        ("bucket", "s3://acme-{account}/reports", "not an address"),
        ("bucket", "Acme-{account}", ""),
        ("prefix", "a*b", ""),
        ("region", "eu-nowhere-1", ""),
        ("accounts", "", "Write the members' account ids"),
        ("accounts", "123", "123: An account id has exactly 12 digits"),
        ("accounts", "١٢٣٤٥٦٧٨٩٠١٢", "only digits"),
        ("accounts", "\n".join(f"{number:012}" for number in range(MOST_MEMBERS + 1)), "51 accounts"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(field: str, value: str, said: str) -> None:
    checked = check_members(GOOD | {field: value})
    assert isinstance(checked, Errors)
    assert list(checked.by_field) == [field]
    assert said in checked.by_field[field]


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text(max_size=80)))
def test_no_input_makes_it_crash_and_what_is_taken_has_one_bucket_a_member(raw: dict[str, str]) -> None:
    checked = check_members(GOOD | raw)
    if isinstance(checked, Members):
        buckets = {checked.details(account).bucket for account in checked.accounts}
        assert len(buckets) == len(checked.accounts)
