"""From a provider's claims and our settings to a role, or to the sentence that says why there is none."""

from __future__ import annotations

import pytest

from staxpipe.oidc.errors import SignInRefusedError
from staxpipe.onboarding.people import Person, person, rules
from staxpipe.settings import Settings

ADA = {"email": "Ada@Example.com", "email_verified": True}


def settings(**changes: object) -> Settings:
    given: dict[str, object] = {
        "oidc_issuer": "https://login.example.com",
        "oidc_client_id": "staxpipe",
        "oidc_client_secret": "secret",
        "sign_in_links": True,
    }
    return Settings(**{**given, **changes})  # type: ignore[arg-type]  # pydantic checks the types


@pytest.mark.parametrize(
    ("changes", "more", "operator"),
    [
        ({"oidc_operators": "ada@example.com"}, {}, True),
        ({"oidc_operators": "ADA@example.com, grace@example.com"}, {}, True),
        ({"oidc_operator_group": "ops"}, {"groups": ["all", "ops"]}, True),
        ({"oidc_operator_group": "ops"}, {"groups": "ops"}, True),
        ({"oidc_operator_group": "ops", "oidc_groups_claim": "roles"}, {"roles": ["ops"]}, True),
        ({"oidc_linker_group": "example.com", "oidc_groups_claim": "hd"}, {"hd": "example.com"}, False),
        ({"oidc_operators": "ada@example.com", "oidc_linkers": "*"}, {}, True),
        ({"oidc_linkers": "ada@example.com"}, {}, False),
        ({"oidc_linkers": "@example.com"}, {}, False),
        ({"oidc_linkers": "*"}, {}, False),
        ({"oidc_linker_group": "cloud"}, {"groups": ["cloud"]}, False),
    ],
)
def test_who_has_which_role(changes: dict[str, object], more: dict[str, object], operator: bool) -> None:
    assert person({**ADA, **more}, settings(**changes)) == Person("ada@example.com", operator)


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, {}),
        ({}, {"groups": [None, "", "ops"]}),
        ({"oidc_operators": "da@example.com"}, {}),
        ({"oidc_operator_group": "ops"}, {"groups": "ops,all"}),
        ({"oidc_operator_group": "ops"}, {"groups": {"ops": True}}),
        ({"oidc_operator_group": "ops"}, {"roles": ["ops"]}),
        ({"oidc_linker_group": "example.com", "oidc_groups_claim": "hd"}, {}),
        ({"oidc_linkers": "@ample.com"}, {}),
        ({"oidc_linkers": "@example.com"}, {"email": "ada@evil-example.com"}),
        ({"oidc_linkers": "@example.com"}, {"email": "ada@example.com.evil.com"}),
    ],
)
def test_everybody_else_has_none(changes: dict[str, object], more: dict[str, object]) -> None:
    with pytest.raises(SignInRefusedError, match="neither that address nor a group") as caught:
        person({**ADA, **more}, settings(**changes))
    assert caught.value.code == "not-allowed"


@pytest.mark.parametrize("said", [False, "false", None, 1, "yes", [True]])
def test_an_address_that_is_not_verified_is_nobodys(said: object) -> None:
    with pytest.raises(SignInRefusedError) as caught:
        person({**ADA, "email_verified": said}, settings(oidc_linkers="*"))
    assert caught.value.code == "unverified-address"


def test_addresses_are_trusted_by_a_setting_but_not_against_the_providers_word() -> None:
    trusting = settings(oidc_linkers="*", oidc_trust_addresses=True)
    assert person({"email": "ada@example.com"}, trusting).address == "ada@example.com"
    with pytest.raises(SignInRefusedError):
        person({**ADA, "email_verified": False}, trusting)
    named = settings(oidc_linkers="*", oidc_trust_addresses=True, oidc_email_claim="upn")
    assert person({"upn": "ada@example.com"}, named).address == "ada@example.com"


@pytest.mark.parametrize(
    "claimed", [None, "", "ada", 7, ["ada@example.com"], "Eve <ada@example.com>", "a@example.com\nBcc: b@example.com"]
)
def test_what_is_no_address_is_nobodys(claimed: object) -> None:
    with pytest.raises(SignInRefusedError) as caught:
        person({"email": claimed, "email_verified": True}, settings(oidc_linkers="*"))
    assert caught.value.code == "no-address"


def test_other_rules_have_another_name() -> None:
    assert rules(settings()) == rules(settings(oidc_name="Acme", oidc_client_secret="other"))
    changed = [
        {"oidc_operators": "ada@example.com"},
        {"oidc_linkers": "ada@example.com"},
        {"oidc_linker_group": "ops"},
        {"oidc_operator_group": "ops"},
        {"oidc_issuer": "https://login.example.org"},
    ]
    assert len({rules(settings(**changes)) for changes in changed} | {rules(settings())}) == len(changed) + 1
