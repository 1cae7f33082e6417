"""`staxpipe unlink` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from staxpipe.cli import unlink as command
from staxpipe.db import audit_log, links
from staxpipe.errors import PermanentError
from staxpipe.ingest.platform import Platform
from staxpipe.local.terminal import whereabouts
from staxpipe.model import LinkState
from staxpipe.settings import read_settings
from staxpipe_tests.unlinking.conftest import ADA, Customer, link_account, one_value

app = typer.Typer()
app.command()(command.unlink)


@pytest.fixture
def ada(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Customer:
    """A linked account with a month, in the database and the home that the settings name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    platform = Platform.open(read_settings(), engine)
    customer = Customer(platform, ADA, tmp_path / "ada", link_account(engine, ADA))
    customer.load("ada-1", "1", "2")
    return customer


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed comes from a person."""

    class Terminal:
        def isatty(self) -> bool:
            return True

    class System:
        stdin = Terminal()

    monkeypatch.setattr(command, "sys", System)


def typed(*arguments: str, answers: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), input=answers, catch_exceptions=False)


def run(*arguments: str, answers: str = "") -> str:
    result = typed(*arguments, answers=answers)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_keeping_says_so_and_leaves_everything(ada: Customer) -> None:
    said = run(ADA, "--keep-data", "--yes")
    assert f"Account {ADA} is not read any more." in said
    assert "what was loaded stays" in said
    assert ada.now_is().state is LinkState.ENDED
    assert ada.billed() == 3
    with ada.platform.engine.connect() as connection:
        acts = audit_log.entries(connection, f"link:{ada.link.id}")
    assert [(act.actor, act.action, act.source_ip) for act in acts[::-1]] == [
        ("operator", "link.stopped", whereabouts()),
        ("operator", "link.ended", whereabouts()),
    ]
    assert f"Nothing of account {ADA} was deleted" in run(ADA, "--receipt")
    assert "is unlinked" in run(ADA, "--keep-data", "--yes"), "a second time changes nothing"


def test_deleting_prints_the_receipt_and_keeps_it(ada: Customer) -> None:
    said = run(ADA, "--delete-data", "--yes")
    assert "2 line items in the lake" in said
    assert "left         nothing: 22 kinds of things were counted again" in said
    assert f"came from    file://{ada.folder}/billing/report" in said
    assert ada.billed() == 0
    [receipt] = json.loads(run(ADA, "--receipt", "--json"))
    assert receipt["finished_at"] is not None
    assert receipt["deleted"]["rows"]["deliveries"] == 1
    assert not any(count for part in receipt["remaining"].values() for count in part.values())
    assert "2 line items in the lake" in run(ADA, "--receipt")
    again = json.loads(run(ADA, "--delete-data", "--yes", "--json"))
    assert again == [receipt], "nothing is deleted twice"


@pytest.mark.usefixtures("at_a_terminal")
def test_it_asks_what_becomes_of_the_data_and_for_the_number(ada: Customer) -> None:
    run(ADA, answers=f"delete\n{ADA}\n")
    assert ada.billed() == 0
    assert ada.exports() == []


@pytest.mark.usefixtures("at_a_terminal")
def test_another_number_deletes_nothing_and_reading_has_stopped(ada: Customer) -> None:
    with pytest.raises(PermanentError, match=r"not the account's number.*nothing was kept or deleted"):
        typed(ADA, "--delete-data", answers="444455556666\n")
    assert ada.now_is().state is LinkState.PAUSED
    assert ada.now_is().stopped_at is not None
    assert ada.billed() == 3


@pytest.mark.usefixtures("at_a_terminal")
def test_keeping_is_confirmed(ada: Customer) -> None:
    with pytest.raises(PermanentError, match="nothing was kept or deleted"):
        typed(ADA, answers="keep\nn\n")
    assert ada.now_is().state is LinkState.PAUSED
    assert "stays and can be asked" in run(ADA, answers="keep\ny\n")


def test_a_program_must_say_what_becomes_of_the_data(ada: Customer) -> None:
    for arguments in ((ADA,), (ADA, "--yes")):
        with pytest.raises(PermanentError, match="--keep-data or --delete-data"):
            typed(*arguments)
    assert ada.now_is().state is LinkState.ACTIVE, "nothing was stopped"


@pytest.mark.parametrize(("account", "why"), [("12345", r"ACCOUNT: .*12 digits"), ("999999999999", "was never linked")])
def test_what_cannot_be_unlinked_is_a_sentence(ada: Customer, account: str, why: str) -> None:
    with pytest.raises(PermanentError, match=why):
        typed(account, "--keep-data", "--yes")
    assert ada.now_is().state is LinkState.ACTIVE


def test_all_links_of_the_account_end_and_kept_data_can_be_deleted_later(ada: Customer, engine: Engine) -> None:
    second = link_account(engine, ADA)
    run(ADA, "--keep-data", "--yes")
    with engine.connect() as connection:
        assert links.get(connection, second.id).state is LinkState.ENDED
    assert "2 line items in the lake" in run(ADA, "--delete-data", "--yes")
    assert one_value(engine, "SELECT count(*) FROM deletion_receipts") == 1, "the other link had no data"
