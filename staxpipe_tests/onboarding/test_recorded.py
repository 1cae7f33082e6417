"""Whatever somebody does on the pages, and whatever is refused to them, is in the audit log."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import Engine

from staxpipe.db import api_tokens, audit_log, invites, probes
from staxpipe.db.audit_log import AuditEntry
from staxpipe.db.engine import make_engine
from staxpipe.onboarding import limits
from staxpipe_tests.onboarding.conftest import DETAILS, Pages, Serve, begin, begin_listening
from staxpipe_tests.onboarding.ledger import add_link
from staxpipe_tests.onboarding.test_access import invitation
from staxpipe_tests.onboarding.test_safe_methods import paths
from staxpipe_tests.onboarding.test_token_pages import made

FORM = {"addresses": "barbara@example.com", "invited_by": "Alan", "note": ""}
MEMBERS = {"bucket": "reports-{account}", "prefix": "reports", "region": "eu-west-1", "accounts": "444455556666"}


def told(engine: Engine, limit: int = 500) -> list[tuple[str, str, str]]:
    """Who, what and result, the oldest first."""
    with engine.connect() as connection:
        return [(entry.actor, entry.action, entry.result) for entry in audit_log.entries(connection, limit=limit)][::-1]


def newest(engine: Engine) -> AuditEntry:
    with engine.connect() as connection:
        return audit_log.entries(connection, limit=1)[0]


def test_every_act_of_the_operator_and_of_an_invited_person(pages: Pages, engine: Engine) -> None:
    operator = pages.operator()
    request_id = begin(operator)
    link = invitation(pages, operator, request_id)
    invited = pages.visitor()
    invited.post(link)
    base = f"/requests/{request_id}"
    invited.post(f"{base}/details", data=DETAILS)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE link_requests SET next_probe_at = next_probe_at + interval '1 hour'")
    invited.post(f"{base}/look-now")
    invited.post(f"{base}/invite", data=FORM)
    with engine.connect() as connection:
        barbara = next(one.id for one in invites.of_request(connection, request_id) if "barbara" in one.email)
    pages.clock.pass_by(invites.SHORTEST_PAUSE)
    invited.post(f"{base}/invites/{barbara}/resend")
    invited.post(f"{base}/invites/{barbara}/withdraw")
    key = re.search(r'name="key" value="([^"]+)"', invited.get(base).text)
    assert key is not None
    invited.post(f"{base}/another", data={"key": key[1]})
    invited.post(f"{base}/members", data=MEMBERS)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE link_requests SET state = 'expired', next_probe_at = NULL")
    operator.post(f"{base}/resume")
    invited.post(f"{base}/cancel")
    made(operator)
    with engine.connect() as connection:
        [token] = api_tokens.every(connection)
    operator.post(f"/tokens/{token.id}/revoke")
    invited.post("/sign-out")
    operator.post("/sign-out")
    assert told(engine) == [
        ("operator", "signed-in", "done"),
        ("operator", "request.begun", "done"),
        ("operator", "colleague.invited", "done"),
        ("alan@example.com", "invitation.opened", "done"),
        ("alan@example.com", "request.details-saved", "done"),
        ("alan@example.com", "request.look-asked", "done"),
        ("alan@example.com", "colleague.invited", "done"),
        ("alan@example.com", "colleague.reminded", "done"),
        ("alan@example.com", "invitation.withdrawn", "done"),
        ("alan@example.com", "request.begun", "done"),
        ("alan@example.com", "request.begun", "done"),
        ("operator", "request.resumed", "done"),
        ("alan@example.com", "request.cancelled", "done"),
        ("operator", "token.made", "done"),
        ("operator", "token.revoked", "done"),
        ("alan@example.com", "signed-out", "done"),
        ("operator", "signed-out", "done"),
    ]
    with engine.connect() as connection:
        assert {entry.source_ip for entry in audit_log.entries(connection)} == {"127.0.0.1"}


def test_every_act_of_unlinking(pages: Pages, engine: Engine) -> None:
    operator = pages.operator_cookie()
    kept, deleted = begin_listening(operator), begin_listening(operator, account_id="2222-3333-4444")
    with engine.begin() as connection:
        for request_id in (kept, deleted):
            probes.mark_linked(connection, request_id, pages.clock.now)
            add_link(connection, request_id, pages.clock.now)
    before = len(told(engine))
    for act in ("stop", "go-on", "stop", "keep"):
        operator.post(f"/requests/{kept}/unlink/{act}")
    operator.post(f"/requests/{deleted}/unlink/delete", data={"account": "2222-3333-4444"})
    assert told(engine)[before:] == [
        ("operator", "link.stopped", "done"),
        ("operator", "link.go-on-asked", "done"),
        ("operator", "link.stopped", "done"),
        ("operator", "link.ended", "done"),
        ("operator", "link.ended", "done"),
        ("operator", "data.deletion-ordered", "done"),
    ]


def test_no_page_that_changes_something_is_missing_above(pages: Pages) -> None:
    """A new form needs a new line in one of the tests above."""
    assert set(paths(pages, "post")) == {
        "/sign-in/{token}",
        "/sign-out",
        "/invite/{token}",
        "/requests",
        "/requests/{request_id}/another",
        "/requests/{request_id}/members",
        "/requests/{request_id}/details",
        "/requests/{request_id}/invite",
        "/requests/{request_id}/invites/{invite_id}/resend",
        "/requests/{request_id}/invites/{invite_id}/withdraw",
        "/requests/{request_id}/look-now",
        "/requests/{request_id}/resume",
        "/requests/{request_id}/cancel",
        "/requests/{request_id}/unlink/stop",
        "/requests/{request_id}/unlink/go-on",
        "/requests/{request_id}/unlink/keep",
        "/requests/{request_id}/unlink/delete",
        "/tokens",
        "/tokens/{token_id}/revoke",
    }


def test_what_is_refused_is_written_down(pages: Pages, engine: Engine) -> None:
    operator = pages.operator()
    mine, other = begin(operator), begin_listening(operator)
    invited, stranger = pages.visitor(), pages.visitor()
    invited.post(invitation(pages, operator, mine))

    stranger.post("/sign-in/invented")
    assert newest(engine).actor == "anonymous"
    assert (newest(engine).action, newest(engine).result) == ("signed-in", "refused")
    stranger.post("/invite/invented")
    assert (newest(engine).action, newest(engine).result) == ("invitation.opened", "refused")
    invited.post(f"/requests/{other}/cancel")
    entry = newest(engine)
    assert (entry.actor, entry.action, entry.subject) == ("alan@example.com", "request.opened", f"request:{other}")
    assert entry.result == "refused"
    invited.get("/activity")
    entry = newest(engine)
    assert (entry.actor, entry.action, entry.subject) == ("alan@example.com", "page.opened", "page:/activity")
    invited.get("/tokens")
    entry = newest(engine)
    assert (entry.actor, entry.action, entry.subject) == ("alan@example.com", "page.opened", "page:/tokens")
    assert entry.result == "refused"
    operator.post(f"/requests/{other}/cancel", headers={"Origin": "https://evil.example.com"})
    entry = newest(engine)
    assert (entry.actor, entry.action, entry.subject) == ("operator", "form.sent", "cross-site")
    assert (entry.result, entry.detail) == ("refused", {"origin": "https://evil.example.com"})


def test_a_flood_of_refusals_does_not_fill_the_log(pages: Pages, engine: Engine) -> None:
    stranger = pages.visitor()
    most = limits.WRITTEN_REFUSALS.most
    for _ in range(most + 5):
        assert stranger.post("/sign-out", headers={"Origin": "null"}).status_code == 403
    flood = [("anonymous", "form.sent", "refused")] * most
    assert told(engine) == [*flood, ("anonymous", "limit.reached", "refused")]
    assert newest(engine).subject == "written-refusals:127.0.0.1"
    pages.clock.pass_by(limits.WRITTEN_REFUSALS.span + timedelta(seconds=1))
    stranger.post("/sign-out", headers={"Origin": "null"})
    assert len(told(engine)) == most + 2


def test_no_token_stands_in_the_log(pages: Pages, engine: Engine) -> None:
    operator = pages.operator()
    request_id = begin_listening(operator)
    tokens = [pages.sign_in_link(), invitation(pages, operator, request_id)]
    for token in tokens:
        pages.visitor().post(token, headers={"Sec-Fetch-Site": "cross-site"})
        pages.visitor().post(token)
        pages.visitor().post(token)
    with engine.connect() as connection:
        written = str(audit_log.entries(connection))
    secrets = [token.rsplit("/", 1)[1] for token in tokens]
    secrets += [pages.request(request_id).external_id, *operator.cookies.values()]
    assert [secret for secret in secrets if secret in written] == []


def test_a_refusal_needs_no_database(serve: Serve) -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    pages = serve(database=nowhere)
    assert pages.visitor().post("/sign-out", headers={"Origin": "null"}).status_code == 403
    nowhere.dispose()
