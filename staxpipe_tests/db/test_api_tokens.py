"""A token opens what it is for until it expires or is revoked, and cannot be read back from the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from staxpipe.db import api_tokens
from staxpipe.db.api_tokens import ApiToken, Scope
from staxpipe.db.tables import api_tokens as table

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
LIFETIME = timedelta(days=90)


def issued(engine: Engine, scope: Scope = Scope.LINKER, acts_for: str = "ada@example.com") -> tuple[ApiToken, str]:
    with engine.begin() as connection:
        return api_tokens.issue(connection, "terraform", scope, acts_for, "operator", NOW, LIFETIME)


def test_it_is_found_by_what_a_program_shows_and_by_nothing_else(engine: Engine) -> None:
    made, secret = issued(engine)
    assert secret.startswith("sxp_")
    assert len(secret) == 4 + 43, "256 random bits"
    assert made.id not in secret
    with engine.connect() as connection:
        assert api_tokens.find(connection, secret) == made
        for other in ("", "sxp_", secret[:-1], secret + "x", secret.swapcase(), f" {secret}", "\ud800", made.id):
            assert api_tokens.find(connection, other) is None


def test_the_token_itself_is_not_stored(engine: Engine) -> None:
    made, secret = issued(engine)
    with engine.connect() as connection:
        [row] = connection.execute(select(table)).all()
    assert secret not in str(row)
    assert secret.removeprefix("sxp_") not in str(row)
    assert secret not in repr(made)


def test_it_ends_by_itself_or_at_once(engine: Engine) -> None:
    made, secret = issued(engine)
    assert made.standing(NOW + LIFETIME - timedelta(seconds=1)) == "valid"
    assert made.standing(NOW + LIFETIME) == "expired"
    with engine.begin() as connection:
        assert api_tokens.revoke(connection, "another", NOW) is None
        revoked = api_tokens.revoke(connection, made.id, NOW)
        assert revoked is not None
        assert revoked.standing(NOW) == "revoked"
        assert api_tokens.revoke(connection, made.id, NOW) is None, "it is revoked already"
        assert api_tokens.find(connection, secret) == revoked


def test_all_of_a_person_are_ended_at_once_and_no_others(engine: Engine) -> None:
    hers, _ = issued(engine)
    other, _ = issued(engine, acts_for="grace@example.com")
    everything, _ = issued(engine, Scope.OPERATOR, "operator")
    with engine.begin() as connection:
        late = timedelta(minutes=1)
        over, _ = api_tokens.issue(connection, "x", Scope.LINKER, "ada@example.com", "operator", NOW, late)
        made = ("x", Scope.OPERATOR, "operator", "ada@example.com", NOW, LIFETIME)
        by_her, _ = api_tokens.issue(connection, *made)
    assert (hers.holder, everything.holder, by_her.holder) == ("ada@example.com", None, "ada@example.com")
    with engine.begin() as connection:
        ended = api_tokens.revoke_held_by(connection, "ada@example.com", [Scope.OPERATOR], NOW + late)
        assert [one.id for one in ended] == [by_her.id]
        ended = api_tokens.revoke_held_by(connection, "ada@example.com", tuple(Scope), NOW + late)
        assert [one.id for one in ended] == [hers.id], "not what is over or was ended before"
        left = {one.id for one in api_tokens.every(connection) if one.revoked_at is None}
    assert left == {other.id, everything.id, over.id}


def test_its_use_is_remembered_once_a_minute(engine: Engine) -> None:
    made, secret = issued(engine)
    used = []
    with engine.begin() as connection:
        for seconds in (0, 59, 60):
            api_tokens.note_use(connection, made.id, NOW + timedelta(seconds=seconds))
            found = api_tokens.find(connection, secret)
            assert found is not None
            used.append(found.last_used_at)
    assert used == [NOW, NOW, NOW + timedelta(seconds=60)]


def test_all_are_listed_the_newest_first(engine: Engine) -> None:
    first, _ = issued(engine)
    with engine.begin() as connection:
        second, _ = api_tokens.issue(connection, "x", Scope.OPERATOR, "operator", "ada", NOW + LIFETIME, LIFETIME)
        assert api_tokens.every(connection) == [second, first]


@pytest.mark.parametrize(
    ("scope", "acts_for"), [(Scope.LINKER, "operator"), (Scope.OPERATOR, "ada@example.com"), (Scope.LINKER, "")]
)
def test_a_linker_is_a_person_and_an_operator_none(engine: Engine, scope: Scope, acts_for: str) -> None:
    with pytest.raises(IntegrityError, match="ck_api_tokens_scope"):
        issued(engine, scope, acts_for)
