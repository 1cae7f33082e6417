"""Waiting for what staxpipe does by itself: what the pages say, what the ledger has, which mails came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine, select

from staxpipe.db.tables import deliveries
from staxpipe.demo.browser import Browser
from staxpipe.demo.mailbox import Mail, Mailbox
from staxpipe.demo.progress import wait_for
from staxpipe.errors import PermanentError
from staxpipe.model import DeliveryState, RequestState

LINK_SECONDS = 180.0
LOAD_SECONDS = 900.0  # minutes on a busy laptop are no failure
MAIL_SECONDS = 180.0
_LOOKS_UNTIL_SURE = 2

_OVER = {RequestState.REFUSED, RequestState.EXPIRED, RequestState.CANCELLED}


def until_linked(browser: Browser, request_id: str) -> None:
    """Wait for the request's page to say that the account is linked.

    Raises:
        PermanentError: the role is refused, in the page's words.
        TransientError: it takes too long.
    """

    def look() -> bool | None:
        answer = _request(browser, request_id)
        if answer["state"] in _OVER:
            raise PermanentError(f"{answer['headline']}. {answer['text']}")
        return True if answer["state"] == RequestState.LINKED else None

    wait_for("Linking the account", look, LINK_SECONDS)


def until_judged(browser: Browser, request_id: str) -> None:
    """Wait for the request's page to say what is wrong, if anything is.

    Raises:
        TransientError: it takes too long.
    """

    def look() -> bool | None:
        answer = _request(browser, request_id)
        # A role that seems to let in anybody is accused at the second look only.
        waiting = answer["state"] == RequestState.LISTENING and answer["probes"] < _LOOKS_UNTIL_SURE
        return None if waiting or answer["doctor"] is None else True

    wait_for("A look at the role", look, LINK_SECONDS)


def until_loaded(browser: Browser, request_id: str, months: int, say: Callable[[str], None]) -> None:
    """Wait for the request's page to say that so many months are ready.

    Raises:
        PermanentError: a month failed, in the page's words.
        TransientError: it takes too long.
    """

    def look() -> bool | None:
        answer = _request(browser, request_id)
        states = [month["state"] for month in answer["months"]]
        for month in answer["months"]:
            if month["state"] == DeliveryState.FAILED:
                raise PermanentError(f"{month['period']} failed: {month['error']}")
        loaded = states.count(DeliveryState.LOADED)
        say(f"{loaded} of {months} months, {answer['rows']:,} line items")
        return True if loaded >= months and loaded == len(states) else None

    wait_for("Loading every month", look, LOAD_SECONDS)


def until_deliveries_loaded(engine: Engine, delivery_ids: Sequence[str], say: Callable[[str], None]) -> None:
    """Wait for the ledger to have these deliveries loaded.

    Raises:
        PermanentError: one failed.
        TransientError: it takes too long.
    """
    query = select(deliveries.c.period, deliveries.c.state, deliveries.c.error).where(
        deliveries.c.delivery_id.in_(delivery_ids)
    )

    def look() -> bool | None:
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            if row.state == DeliveryState.FAILED:
                raise PermanentError(f"{row.period} failed: {row.error}")
        loaded = sum(row.state == DeliveryState.LOADED for row in rows)
        say(f"{loaded} of {len(delivery_ids)}")
        return True if loaded == len(delivery_ids) else None

    wait_for("Loading the restated months", look, LOAD_SECONDS)


def until_mail(mailbox: Mailbox, words: str) -> Mail:
    """Wait for a mail with these words in its subject; raises TransientError when none comes."""

    def look() -> Mail | None:
        return next((mail for mail in mailbox.mails() if words in mail.subject), None)

    return wait_for(f"A mail about {words!r}", look, MAIL_SECONDS)


def _request(browser: Browser, request_id: str) -> dict[str, Any]:
    return browser.json(f"/api/requests/{request_id}")
