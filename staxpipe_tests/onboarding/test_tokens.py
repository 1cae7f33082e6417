"""What a token is worth depends on whether its holder may still sign in; what the form may say, on who sends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from staxpipe.db.api_tokens import ApiToken, Scope
from staxpipe.onboarding.forms import Errors
from staxpipe.onboarding.tokens import Wish, check, standing
from staxpipe.settings import Settings
from staxpipe_tests.onboarding.test_people import settings

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
HERS = ApiToken("k3j9x2ab", "ci", Scope.LINKER, "ada@example.com", "operator", NOW, NOW + timedelta(days=1), None, None)
ALL_BY_HER = replace(HERS, scope=Scope.OPERATOR, acts_for="operator", created_by="ada@example.com")
ALL_BY_COMMAND = replace(ALL_BY_HER, created_by="operator")


@pytest.mark.parametrize(
    ("changes", "linker", "operator"),
    [
        ({}, "suspended", "suspended"),
        ({"oidc_linkers": "ada@example.com"}, "valid", "suspended"),
        ({"oidc_linkers": "@example.com"}, "valid", "suspended"),
        ({"oidc_linkers": "@example.org"}, "suspended", "suspended"),
        ({"oidc_operators": "ada@example.com"}, "valid", "valid"),
        ({"oidc_operators": "grace@example.com"}, "suspended", "suspended"),
        # Who is in a group, only the provider knows.
        ({"oidc_linker_group": "cloud"}, "valid", "suspended"),
        ({"oidc_operator_group": "ops"}, "valid", "valid"),
    ],
)
def test_a_token_is_worth_what_its_holder_may(changes: dict[str, object], linker: str, operator: str) -> None:
    now_set = settings(**changes)
    assert standing(HERS, now_set, NOW) == linker
    assert standing(ALL_BY_HER, now_set, NOW) == operator
    assert standing(ALL_BY_COMMAND, now_set, NOW) == "valid", "the operator's own has no holder who could leave"


def test_without_a_provider_the_operator_says_who_there_is() -> None:
    assert standing(HERS, Settings.model_validate({}), NOW) == "valid"
    assert standing(ALL_BY_HER, Settings.model_validate({}), NOW) == "suspended", "nobody is an operator by name"


def test_an_end_stays_an_end() -> None:
    barred = settings()
    assert standing(replace(HERS, revoked_at=NOW), barred, NOW) == "revoked"
    assert standing(HERS, barred, NOW + timedelta(days=1)) == "expired"


FORM = {"name": " terraform prod ", "days": "30", "scope": "linker", "acts_for": "Ada@Example.com"}
MONTH = timedelta(days=30)


@pytest.mark.parametrize(
    ("changes", "linker", "wish"),
    [
        ({}, None, Wish("terraform prod", Scope.LINKER, "ada@example.com", MONTH)),
        ({"scope": "operator", "acts_for": ""}, None, Wish("terraform prod", Scope.OPERATOR, "operator", MONTH)),
        # A linker's is their own, whatever they send.
        ({}, "lin@example.com", Wish("terraform prod", Scope.LINKER, "lin@example.com", MONTH)),
        ({"scope": "operator"}, "lin@example.com", Wish("terraform prod", Scope.LINKER, "lin@example.com", MONTH)),
    ],
)
def test_what_is_wanted(changes: dict[str, str], linker: str | None, wish: Wish) -> None:
    assert check({**FORM, **changes}, linker, settings(oidc_linkers="@example.com")) == wish


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": ""}, "name", "Say what the token is for"),
        ({"name": "a\nb"}, "name", "on one line"),
        ({"name": "x" * 101}, "name", "100 characters"),
        ({"days": "366"}, "days", "Choose"),
        ({"days": "-1"}, "days", "Choose"),
        ({"days": "٣٠"}, "days", "Choose"),
        ({"scope": "everything"}, "scope", "Choose"),
        ({"acts_for": ""}, "acts_for", "Write the mail address"),
        ({"acts_for": "ada"}, "acts_for", "is not a mail address"),
        ({"acts_for": "ada@example.org"}, "acts_for", "may not sign in here"),
        ({"scope": "operator"}, "acts_for", "acts for nobody else"),
    ],
)
def test_what_cannot_be_is_told_beside_its_field(changes: dict[str, str], field: str, words: str) -> None:
    found = check({**FORM, **changes}, None, settings(oidc_linkers="@example.com"))
    assert isinstance(found, Errors)
    assert list(found.by_field) == [field]
    assert words in found.by_field[field]
