"""What a token is worth depends on whether its holder may still sign in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from staxpipe.db.api_tokens import ApiToken, Scope
from staxpipe.onboarding.tokens import standing
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
