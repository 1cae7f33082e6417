"""What a reading leaves: accounts that joined, moved, were renamed or left, refusals, and nothing once stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from sqlalchemy import Engine, select

from staxpipe.db import accounts, links
from staxpipe.db.accounts import Account
from staxpipe.db.links import Link
from staxpipe.db.tables import accounts as table
from staxpipe.doctor import keeping
from staxpipe.doctor.facts import of_link
from staxpipe.doctor.findings import Check, State
from staxpipe.doctor.organization_check import CODE
from staxpipe.errors import AccessError, NotGrantedError, TransientError
from staxpipe.linking.verdicts import Safe
from staxpipe.organization.due import Outcome
from staxpipe.organization.members import Answer, ManagedElsewhere, Member, NoOrganization, Organization
from staxpipe.organization.run import due_accounts, read_organizations
from staxpipe.unlinking.rows import count_rows, delete_rows
from staxpipe.unlinking.scope import Scope
from staxpipe_tests.ledger import ACCOUNT, add_link

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ADA = Member("111122223333", "Ada's", "ACTIVE", "ou-a", "/A", {"team": "search"})
BEN = Member("444455556666", "Ben's", "ACTIVE", "r-root", "/", {})


class Organizations:
    """A fake at the far edge: what each account, or one link of it, is answered, or an error that is raised."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.answers: dict[str, Answer | Exception] = {}
        self.asked: list[str] = []
        self.tags_at: Mapping[str, datetime | None] = {}

    def __call__(self, _: boto3.Session, link: Link, tags_at: Mapping[str, datetime | None]) -> Answer:
        self.asked.append(link.account_id)
        self.tags_at = tags_at
        answer = self.answers.get(link.id) or self.answers[link.account_id]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def read(self, now: datetime, *members: Member, again: bool = False) -> dict[str, Account]:
        """Let the organisation have these members, and read it; returns what is kept, by account."""
        if members:
            self.answers[ACCOUNT] = Organization(ACCOUNT, members)
        with self.engine.connect() as connection:
            due = due_accounts(connection, now, again=again)
        read_organizations(self.engine, boto3.Session(), due, now, read=self)
        with self.engine.connect() as connection:
            return {account.account_id: account for account in accounts.listed(connection)}


@pytest.fixture
def organizations(engine: Engine) -> Organizations:
    """One linked payer."""
    with engine.begin() as connection:
        add_link(connection, linked_at=NOW - DAY)
    return Organizations(engine)


def note(engine: Engine) -> Check | None:
    """The doctor's word on the link's organisation."""
    with engine.connect() as connection:
        report = keeping.kept(connection, "r-link-1")
    assert report is not None
    return next((check for check in report.checks if check.code == CODE), None)


def test_accounts_are_kept_as_they_were_seen_last(organizations: Organizations) -> None:
    first = organizations.read(NOW, ADA, BEN)
    assert first[ADA.account_id].name == "Ada's"
    assert (first[ADA.account_id].ou_path, first[ADA.account_id].tags) == ("/A", {"team": "search"})
    assert first[BEN.account_id].tags == {}
    assert not first[ADA.account_id].manages
    renamed = replace(ADA, name="Ada & Co 🍣", ou_id="ou-b", ou_path="/B/C", status="SUSPENDED", tags={"team": "x"})
    second = organizations.read(NOW + DAY, renamed, BEN)
    assert organizations.tags_at == {ADA.account_id: NOW, BEN.account_id: NOW}
    account = second[ADA.account_id]
    assert (account.name, account.ou_path, account.status) == ("Ada & Co 🍣", "/B/C", "SUSPENDED")
    assert (account.first_seen, account.seen_at, account.left_at) == (NOW, NOW + DAY, None)
    assert account.tags == {"team": "x"}


def test_tags_that_were_not_read_stay(organizations: Organizations) -> None:
    organizations.read(NOW, ADA)
    kept = organizations.read(NOW + DAY, replace(ADA, tags=None), replace(BEN, tags=None))
    assert (kept[ADA.account_id].tags, kept[ADA.account_id].tags_at) == ({"team": "search"}, NOW)
    assert (kept[BEN.account_id].tags, kept[BEN.account_id].tags_at) == (None, None)


def test_who_is_missed_once_has_not_left(organizations: Organizations) -> None:
    organizations.read(NOW, ADA, BEN)
    assert organizations.read(NOW + DAY, BEN)[ADA.account_id].left_at is None
    left = organizations.read(NOW + 2 * DAY, BEN)[ADA.account_id]
    assert (left.left_at, left.name) == (NOW, "Ada's"), "its name stays, for its costs do"
    back = organizations.read(NOW + 3 * DAY, ADA, BEN)[ADA.account_id]
    assert (back.left_at, back.first_seen) == (None, NOW)


def test_who_moved_to_another_organisation_is_there(organizations: Organizations, engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection, "999988887777", "link-2", linked_at=NOW)
    organizations.answers["999988887777"] = Organization("999988887777", ())
    organizations.read(NOW, ADA, BEN)
    organizations.answers["999988887777"] = Organization("999988887777", (ADA,))
    organizations.answers[ACCOUNT] = Organization(ACCOUNT, (BEN,))
    organizations.read(NOW + DAY)
    organizations.answers["999988887777"] = Organization("999988887777", (ADA,))
    kept = organizations.read(NOW + 2 * DAY)[ADA.account_id]
    assert (kept.management_account_id, kept.left_at) == ("999988887777", None)
    with engine.connect() as connection:
        assert [each.account_id for each in accounts.listed(connection, "999988887777")] == [ADA.account_id]


def test_tags_of_one_organisation_are_not_taken_along_to_another(organizations: Organizations, engine: Engine) -> None:
    organizations.read(NOW, ADA)
    with engine.begin() as connection:
        add_link(connection, "999988887777", "link-2", linked_at=NOW)
    organizations.answers["999988887777"] = Organization("999988887777", (replace(ADA, tags=None),), "No time.")
    moved = organizations.read(NOW + DAY, BEN)[ADA.account_id]
    assert (moved.management_account_id, moved.tags, moved.tags_at) == ("999988887777", None, None)


@pytest.mark.parametrize("answer", [NoOrganization(), ManagedElsewhere("999988887777")])
def test_of_an_organisation_that_is_over_all_have_left(organizations: Organizations, answer: Answer) -> None:
    organizations.read(NOW, ADA, BEN)
    organizations.answers[ACCOUNT] = answer
    kept = organizations.read(NOW + DAY)
    assert {account.left_at for account in kept.values()} == {NOW}
    assert kept[ADA.account_id].name == "Ada's", "for its costs stay"


@pytest.mark.parametrize(
    "text", ["nul\0l", "half \ud83c", "'; DROP TABLE accounts; --", " ", "‮right to left", "a" * 300]
)
def test_names_that_nobody_expects_are_kept_as_far_as_they_can_be(organizations: Organizations, text: str) -> None:
    odd = replace(ADA, name=text, ou_path=f"/{text}", tags={text: text})
    kept = organizations.read(NOW, odd)[ADA.account_id]
    expected = text.replace("\0", "").replace("\ud83c", "?")
    assert (kept.name, kept.ou_path, kept.tags) == (expected, f"/{expected}", {expected: expected})


def test_a_refusal_is_a_note_of_the_doctor_and_loses_nothing(organizations: Organizations, engine: Engine) -> None:
    with engine.begin() as connection:
        keeping.keep_verdict(connection, of_link(links.get(connection, "link-1")), Safe(), NOW)
    organizations.read(NOW, ADA)
    assert "1 account" in str(note(engine))
    organizations.answers[ACCOUNT] = NotGrantedError("The role does not allow it.")
    kept = organizations.read(NOW + DAY)
    assert kept[ADA.account_id].name == "Ada's"
    found = note(engine)
    assert found is not None
    assert found.state is State.HOLDS, "by choice: nothing is to be mended"
    assert "The role does not allow it." in found.found
    assert "IncludeOrganizations=true" in found.to_do
    organizations.answers[ACCOUNT] = TransientError("AWS was busy.")
    organizations.read(NOW + 2 * DAY, again=True)
    failed = note(engine)
    assert failed is not None
    assert failed.state is State.UNKNOWN
    with engine.connect() as connection:
        assert accounts.readings(connection)[ACCOUNT].outcome is Outcome.FAILED


def test_each_account_is_asked_when_it_is_its_turn(organizations: Organizations, engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection, link_id="link-2", linked_at=NOW - DAY)  # another bucket of the same account
    organizations.answers[ACCOUNT] = ManagedElsewhere("999988887777")
    organizations.read(NOW)
    assert organizations.asked == [ACCOUNT], "once, though it has two links"
    organizations.read(NOW + DAY)
    assert len(organizations.asked) == 1
    organizations.read(NOW + DAY, again=True)
    organizations.read(NOW + 9 * DAY)
    assert len(organizations.asked) == 3
    with engine.connect() as connection:
        assert due_accounts(connection, NOW + 20 * DAY, "111122223333") == []


@pytest.mark.parametrize("refusal", [NotGrantedError("Not this role."), AccessError("The role has gone.")])
def test_of_an_account_s_roles_one_that_may_is_enough(
    organizations: Organizations, engine: Engine, refusal: Exception
) -> None:
    with engine.begin() as connection:
        add_link(connection, link_id="link-2", linked_at=NOW)
        keeping.keep_verdict(connection, of_link(links.get(connection, "link-1")), Safe(), NOW)
    newer, older = "link-2", "link-1"
    with engine.connect() as connection:
        assert [link.id for link in due_accounts(connection, NOW)[0].links] == [newer, older]
    organizations.answers[newer] = refusal
    kept = organizations.read(NOW, ADA)
    assert kept[ADA.account_id].name == "Ada's"
    assert "1 account" in str(note(engine))
    organizations.answers[older] = TransientError("AWS was busy.")
    organizations.read(NOW + DAY)
    organizations.answers[older] = NotGrantedError("Nor this one.")
    organizations.read(NOW + 2 * DAY)
    with engine.connect() as connection:
        assert accounts.readings(connection)[ACCOUNT].words == str(refusal), "that of the newest"


def test_nothing_is_kept_for_a_link_that_was_stopped_meanwhile(organizations: Organizations, engine: Engine) -> None:
    organizations.answers[ACCOUNT] = Organization(ACCOUNT, (ADA,))
    with engine.begin() as connection:
        due = due_accounts(connection, NOW)
        links.stop(connection, "link-1", "ada@example.com", "no more", NOW)
    report = read_organizations(engine, boto3.Session(), due, NOW, read=organizations)
    assert (report.accounts, report.said) == (0, {})
    with engine.connect() as connection:
        assert connection.execute(select(table)).all() == []
        assert due_accounts(connection, NOW) == []


def test_names_go_with_the_data_of_the_link_that_read_them(organizations: Organizations, engine: Engine) -> None:
    organizations.read(NOW, ADA, BEN)
    scope = Scope("link-1", "r-link-1", ACCOUNT, NOW.isoformat())
    with engine.begin() as connection:
        found = count_rows(connection, scope)
        assert (found["accounts"], found["organization_readings"]) == (2, 1)
        assert count_rows(connection, replace(scope, link_id="another"))["accounts"] == 0
        delete_rows(connection, scope, "ada@example.com")
        assert set(count_rows(connection, scope).values()) == {0}
