"""What the settings of signing in at a provider may say, and what must go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from staxpipe.errors import PermanentError
from staxpipe.settings import read_settings

WHOLE: dict[str, object] = {
    "oidc_issuer": "https://login.example.com/team",
    "oidc_client_id": "staxpipe",
    "oidc_client_secret": "hunter2",
    "oidc_operators": "ada@example.com",
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_lists_are_written_in_variables_and_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAXPIPE_OIDC_OPERATORS", "Ada@example.com,grace@example.com lin@example.com")
    (tmp_path / "staxpipe.toml").write_text('oidc_linkers = ["@Example.com", "max@example.org"]\n')
    settings = read_settings()
    assert settings.oidc_operators == ("ada@example.com", "grace@example.com", "lin@example.com")
    assert settings.oidc_linkers == ("@example.com", "max@example.org")


def test_a_provider_takes_the_place_of_links_unless_both_are_wanted() -> None:
    assert read_settings().links_sign_in
    assert not read_settings(WHOLE).links_sign_in
    assert read_settings({**WHOLE, "sign_in_links": True}).links_sign_in
    assert "hunter2" not in repr(read_settings(WHOLE))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"oidc_issuer": None}, "not set: oidc_issuer"),
        ({"oidc_client_id": None, "oidc_client_secret": None}, "not set: oidc_client_id, oidc_client_secret"),
        ({"oidc_operators": ""}, "must say who is operator"),
        ({"oidc_scopes": "email"}, "must have `openid`"),
        ({"oidc_email_claim": "upn"}, "set oidc_trust_addresses too"),
        ({"oidc_issuer": "http://login.example.com"}, "OIDC_ISSUER: must be the provider's https:// address"),
        ({"oidc_issuer": "login.example.com"}, "OIDC_ISSUER: must be the provider's https:// address"),
        ({"oidc_issuer": "https://me:hunter2@login.example.com"}, "OIDC_ISSUER: must be"),
        ({"oidc_operators": "ada"}, "OIDC_OPERATORS: must be mail addresses"),
        ({"oidc_operators": "@example.com"}, "OIDC_OPERATORS: must be mail addresses"),
        ({"oidc_operators": "*"}, "OIDC_OPERATORS: must be mail addresses"),
        ({"oidc_linkers": "*@example.com"}, "domains as in @example.com"),
        ({"oidc_linkers": "@*.example.com"}, "domains as in @example.com"),
        ({"oidc_linkers": "example.com"}, "OIDC_LINKERS: must be mail addresses, domains"),
    ],
)
def test_what_is_wrong_is_told(changes: dict[str, object], words: str) -> None:
    with pytest.raises(PermanentError) as caught:
        read_settings({**WHOLE, **changes})
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
