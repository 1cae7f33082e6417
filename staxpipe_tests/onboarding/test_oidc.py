"""Signing in at a provider that speaks OpenID Connect (oidc-provider-mock, a real server), and what must not get in."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import authlib.deprecate  # noqa: F401  # it has its own warnings shown, from when it is imported
import httpx
import pytest
from sqlalchemy import Engine

from staxpipe.db import api_tokens, audit_log, rate_limits
from staxpipe.db.api_tokens import Scope
from staxpipe.db.audit_log import AuditEntry
from staxpipe.onboarding.limits import ASKING_PROVIDER, FAILING, Use
from staxpipe.onboarding.sessions import ATTEMPT_LIFETIME
from staxpipe_tests.onboarding.conftest import DETAILS, Pages, Serve, begin, begin_listening
from staxpipe_tests.onboarding.ledger import add_link
from staxpipe_tests.onboarding.test_access import invitation
from staxpipe_tests.onboarding.test_safe_methods import stored

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that provider uses what Authlib will drop; to be removed when it does not
    import oidc_provider_mock

pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config")  # the same

ADA = {"email": "ada@example.com", "email_verified": True, "groups": ["ops"]}
LIN = {"email": "Lin@example.com", "email_verified": True}
MAX = {"email": "max@example.com", "email_verified": True}
EVE = {"email": "ada@example.com", "email_verified": False}
PEOPLE = {"ada": ADA, "lin": LIN, "max": MAX, "eve": EVE}
SETTINGS: dict[str, object] = {
    "oidc_client_id": "staxpipe-web",
    "oidc_client_secret": "the-client-secret-of-the-tests",
    "oidc_name": "Acme",
    "oidc_operator_group": "ops",
    "oidc_linkers": "lin@example.com, max@example.com",
}


class ProofKeys:
    """WSGI around the provider, which does not look at PKCE by itself: codes are exchanged with the verifier whose hash
    was sent when they were asked for. It counts what is asked.
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        self._challenges: dict[str, str] = {}
        self.asked: list[str] = []
        self.userinfo: dict[str, object] | None = None
        """What the userinfo endpoint says instead of what it knows."""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        path = environ["PATH_INFO"]
        self.asked.append(path)
        if path == "/oauth2/authorize" and environ["REQUEST_METHOD"] == "POST":
            query = dict(parse_qsl(environ["QUERY_STRING"]))
            assert query["code_challenge_method"] == "S256"

            def noting(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
                back = parse_qs(urlsplit(dict(headers).get("Location", "")).query)
                if "code" in back:
                    self._challenges[back["code"][0]] = query["code_challenge"]
                return start(status, headers, *rest)

            return self._app(environ, noting)
        if path == "/oauth2/token":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            form = dict(parse_qsl(body.decode()))
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != self._challenges.get(form["code"]):
                start("400 Bad Request", [("Content-Type", "application/json")])
                return [b'{"error": "invalid_grant"}']
            environ["wsgi.input"] = BytesIO(body)
        if path == "/userinfo" and self.userinfo is not None:
            assert environ["HTTP_AUTHORIZATION"].startswith("Bearer ")
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.userinfo).encode()]
        return self._app(environ, start)


@dataclass
class Team:
    """The provider, as the team's own would be; each start has keys of its own."""

    port: int
    keys: ProofKeys | None = None
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self, **options: Any) -> None:
        people = [oidc_provider_mock.User(sub=name, claims=claims) for name, claims in PEOPLE.items()]
        server = self._running.enter_context(
            oidc_provider_mock.run_server_in_thread(self.port, user_claims=people, **options)
        )
        self.keys = ProofKeys(server.app)
        server.app = self.keys

    def stop(self) -> None:
        self._running.close()

    def approve(self, address: str, who: str = "ada") -> str:
        """Sign in there as a person would; the address to which the browser is sent back."""
        answer = httpx.post(address, data={"sub": who})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


@contextmanager
def running() -> Iterator[Team]:
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    team = Team(port)
    team.start()
    yield team
    team.stop()


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    """One provider for all tests that only sign in at it."""
    with running() as team:
        yield team


@pytest.fixture
def fragile() -> Iterator[Team]:
    """One of a test's own, to be stopped and started again."""
    with running() as team:
        yield team


@pytest.fixture
def site(serve: Serve, team: Team) -> Pages:
    return serve(oidc_issuer=team.issuer, **SETTINGS)


def sent_to(browser: httpx.Client, then: str = "") -> str:
    """Click the button; the provider's address to which that leads."""
    answer = browser.get("/oidc/begin", params={"then": then} if then else None, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def sign_in(pages: Pages, team: Team, who: str, then: str = "") -> httpx.Client:
    browser = pages.visitor()
    answer = browser.get(team.approve(sent_to(browser, then), who))
    assert answer.status_code == 200, answer.text
    return browser


def told(engine: Engine) -> list[AuditEntry]:
    with engine.connect() as connection:
        return audit_log.entries(connection, "session")


def refused(browser: httpx.Client, engine: Engine, address: str, reason: str, actor: str = "anonymous") -> None:
    answer = browser.get(address)
    assert answer.status_code == 403
    assert "You were not signed in" in answer.text
    assert browser.get("/requests").status_code == 403
    last = told(engine)[0]
    assert (last.actor, last.action, last.result, last.detail["reason"]) == (
        actor,
        "signed-in",
        "refused",
        reason,
    )


def test_an_operator_signs_in_and_is_known_by_name(site: Pages, team: Team, engine: Engine) -> None:
    stranger = site.visitor()
    button = re.search(r'href="(/oidc/begin[^"]*)">Sign in with Acme', stranger.get("/activity").text)
    assert button is not None
    assert button[1] == "/oidc/begin?then=/activity"
    ada = sign_in(site, team, "ada", then="/activity")
    assert ada.get("/").url.path == "/requests"
    assert "Signed in as ada@example.com" in ada.get("/activity").text
    entry = told(engine)[0]
    assert (entry.actor, entry.action, entry.result) == ("ada@example.com", "signed-in", "done")
    assert entry.detail == {"by": "oidc", "role": "operator", "sub": "ada"}
    mine = begin(ada)
    request = site.request(mine)
    assert (request.requested_by, request.begun_by) == ("ada@example.com", "ada@example.com")
    with engine.connect() as connection:
        assert {entry.actor for entry in audit_log.entries(connection, f"request:{mine}")} == {"ada@example.com"}


def test_a_linker_begins_requests_and_sees_those_only(site: Pages, team: Team) -> None:
    ada, lin, other = (sign_in(site, team, who) for who in ("ada", "lin", "max"))
    hers, mine, theirs = begin(ada), begin(lin), begin(other)
    assert site.request(mine).requested_by == "lin@example.com"
    listed = lin.get("/requests").text
    assert mine in listed
    assert hers not in listed
    assert theirs not in listed
    assert all(request in ada.get("/requests").text for request in (hers, mine, theirs))
    for page in (f"/requests/{hers}/details", f"/requests/{theirs}/access", "/activity"):
        assert lin.get(page).status_code == 404
    assert lin.post(f"/requests/{theirs}/cancel").status_code == 404
    unknown = lin.get("/requests/" + "x" * 22)
    assert unknown.text.replace("x" * 22, hers) == lin.get(f"/requests/{hers}").text  # cannot be told apart
    # Another contact, named by a colleague whom she invited, takes nothing from her; the next account is hers as well.
    colleague = site.visitor()
    colleague.post(invitation(site, lin, mine))
    colleague.post(f"/requests/{mine}/details", data={**DETAILS, "contact": "alan@example.com"})
    assert site.request(mine).requested_by == "alan@example.com"
    answer = lin.get(f"/requests/{mine}")
    assert answer.status_code == 200
    key = re.search(r'name="key" value="([^"]+)"', answer.text)
    assert key is not None
    another = colleague.post(f"/requests/{mine}/another", data={"key": key[1]}).url.path.split("/")[2]
    assert lin.get(f"/requests/{another}/details").status_code == 200
    assert other.get(f"/requests/{another}/details").status_code == 404


def test_who_began_may_end_it_also_where_another_is_told_the_news(site: Pages, team: Team, engine: Engine) -> None:
    lin, other = sign_in(site, team, "lin"), sign_in(site, team, "max")
    mine = begin_listening(lin)  # with another contact
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE link_requests SET state = 'linked'")
        add_link(connection, mine, site.clock.now)
    for act in ("stop", "keep"):
        assert other.post(f"/requests/{mine}/unlink/{act}").status_code == 404
        assert lin.post(f"/requests/{mine}/unlink/{act}").status_code == 200
    with engine.connect() as connection:
        ended = audit_log.entries(connection, limit=1)[0]
    assert (ended.actor, ended.action) == ("lin@example.com", "link.ended")


def test_the_invited_see_what_they_were_invited_to_whoever_they_sign_in_as(site: Pages, team: Team) -> None:
    ada = sign_in(site, team, "ada")
    theirs = begin(ada)
    lin = site.visitor()
    lin.post(invitation(site, ada, theirs))
    assert lin.get(team.approve(sent_to(lin), "lin")).url.path == "/requests"
    assert lin.get(f"/requests/{theirs}/access").status_code == 200
    assert 'href="/invite/' not in lin.get(f"/requests/{theirs}/invite").text


def test_who_may_not_is_told_so(site: Pages, team: Team, engine: Engine) -> None:
    httpx.put(f"{team.issuer}/users/stranger", json={"email": "x@example.org", "email_verified": True})
    browser = site.visitor()
    refused(browser, engine, team.approve(sent_to(browser), "stranger"), "not-allowed")
    refused(browser, engine, team.approve(sent_to(browser), "eve"), "unverified-address")
    address = httpx.URL(sent_to(browser))
    denied = httpx.URL(httpx.post(address, data={"action": "deny"}).headers["location"])
    assert denied.params["error"] == "access_denied"
    back = denied.copy_set_param("state", address.params["state"])  # which this provider leaves out then
    refused(browser, engine, str(back), "provider-refused")


def test_whom_the_provider_does_not_let_in_any_more_is_out_with_all_tokens(
    site: Pages, team: Team, engine: Engine
) -> None:
    """No setting tells who is in a group: it is found out when that person comes."""
    httpx.put(
        f"{team.issuer}/users/leaver", json={"email": "leaver@example.com", "email_verified": True, "groups": ["ops"]}
    )
    browser = sign_in(site, team, "leaver")
    with engine.begin() as connection:
        span = (site.clock.now, timedelta(days=1))
        for scope, acts_for, maker in (
            (Scope.LINKER, "leaver@example.com", "operator"),
            (Scope.OPERATOR, "operator", "leaver@example.com"),
            (Scope.OPERATOR, "operator", "ada@example.com"),
        ):
            api_tokens.issue(connection, f"{scope} by {maker}", scope, acts_for, maker, *span)
    httpx.put(f"{team.issuer}/users/leaver", json={"email": "leaver@example.com", "email_verified": True})
    refused(browser, engine, team.approve(sent_to(browser), "leaver"), "not-allowed", "leaver@example.com")
    with engine.connect() as connection:
        ended = {one.name for one in api_tokens.every(connection) if one.revoked_at is not None}
        acts = [act for act in audit_log.entries(connection) if act.action == "token.revoked"]
    assert ended == {"linker by operator", "operator by leaver@example.com"}
    assert {act.detail["name"] for act in acts} == ended
    assert {act.actor for act in acts} == {"staxpipe"}


def test_who_is_operator_no_more_keeps_a_linkers_tokens(site: Pages, team: Team, engine: Engine) -> None:
    with engine.begin() as connection:
        span = (site.clock.now, timedelta(days=1))
        api_tokens.issue(connection, "hers", Scope.LINKER, "lin@example.com", "operator", *span)
        api_tokens.issue(connection, "everything", Scope.OPERATOR, "operator", "lin@example.com", *span)
    lin = site.visitor()
    assert lin.get(team.approve(sent_to(lin, "/tokens"), "lin")).url.path == "/tokens"
    with engine.connect() as connection:
        assert [one.name for one in api_tokens.every(connection) if one.revoked_at] == ["everything"]


def test_what_the_id_token_does_not_tell_is_asked_for_and_must_be_of_the_same_person(
    site: Pages, team: Team, engine: Engine
) -> None:
    assert team.keys is not None
    browser = site.visitor()
    try:
        team.keys.userinfo = {"sub": "ada", "groups": ["ops"]}
        refused(browser, engine, team.approve(sent_to(browser), "lin"), "other-person")
        httpx.put(f"{team.issuer}/users/vague", json={"email": "lin@example.com"})
        team.keys.userinfo = {"sub": "vague", "email": "x@example.com", "email_verified": True}
        refused(browser, engine, team.approve(sent_to(browser), "vague"), "unverified-address")
        team.keys.userinfo = {"sub": "lin", "groups": ["ops"], "email": "ada@example.com"}
        assert browser.get(team.approve(sent_to(browser), "lin")).status_code == 200
    finally:
        team.keys.userinfo = None
    assert (told(engine)[0].actor, told(engine)[0].detail["role"]) == ("lin@example.com", "operator")


def test_an_answer_works_once_and_in_the_browser_that_asked(site: Pages, team: Team, engine: Engine) -> None:
    browser, other = site.visitor(), site.visitor()
    address = sent_to(browser)
    cookie = dict(browser.cookies)
    back = team.approve(address)
    for victim in (site.visitor(), other):  # without a cookie, and with that of another sign-in
        refused(victim, engine, back, "not-begun-here")
        sent_to(other)
    assert browser.get(back).status_code == 200
    # Not again: neither as it came, nor by whoever copied the cookie as well.
    refused(site.visitor(), engine, back, "not-begun-here")
    refused(site.visitor(cookies=cookie), engine, back, "used-before")


def test_a_code_of_another_sign_in_is_of_no_use(site: Pages, team: Team, engine: Engine) -> None:
    """Whoever got hold of somebody's answer puts its code into a sign-in of their own: PKCE stands against it."""
    victim, thief = site.visitor(), site.visitor()
    stolen = httpx.URL(team.approve(sent_to(victim))).params["code"]
    own = httpx.URL(team.approve(sent_to(thief), "eve"))
    refused(thief, engine, str(own.copy_set_param("code", stolen)), "code-refused")


def test_an_invented_state_is_refused(site: Pages, team: Team, engine: Engine) -> None:
    browser = site.visitor()
    for state in ("", "x", "é" * 30, "\u0000", "x" * 4096):
        back = httpx.URL(team.approve(sent_to(browser)))
        refused(browser, engine, str(back.copy_set_param("state", state)), "not-begun-here")


def test_a_sign_in_ends_after_ten_minutes_and_another_issuers_answer_is_none(
    site: Pages, team: Team, engine: Engine
) -> None:
    browser = site.visitor()
    back = httpx.URL(team.approve(sent_to(browser)))
    refused(browser, engine, str(back.copy_set_param("iss", "https://evil.example.com")), "other-issuer")
    back = httpx.URL(team.approve(sent_to(browser)))
    site.clock.pass_by(ATTEMPT_LIFETIME)
    refused(browser, engine, str(back), "not-begun-here")


def test_a_token_that_is_over_is_refused(site: Pages, team: Team, engine: Engine) -> None:
    browser = site.visitor()
    back = team.approve(sent_to(browser))
    site.clock.pass_by(timedelta(minutes=9))
    assert browser.get(back).status_code == 200  # it is made when the code is exchanged, and good for an hour
    late = site.visitor()
    site.clock.pass_by(timedelta(hours=2))
    refused(late, engine, team.approve(sent_to(late)), "bad-claims")


def test_changed_keys_are_learnt_and_discovery_is_asked_for_once(serve: Serve, fragile: Team) -> None:
    site = serve(oidc_issuer=fragile.issuer, **SETTINGS)
    sign_in(site, fragile, "ada")
    sign_in(site, fragile, "lin")
    assert fragile.keys is not None
    assert [fragile.keys.asked.count(path) for path in ("/.well-known/openid-configuration", "/jwks")] == [1, 1]
    fragile.stop()
    fragile.start()
    sign_in(site, fragile, "ada")
    assert fragile.keys.asked.count("/jwks") == 1


def test_signing_in_makes_a_session_of_its_own_and_signing_out_ends_it(site: Pages, team: Team) -> None:
    browser = site.visitor()
    operator = sign_in(site, team, "ada")
    browser.post(invitation(site, operator, begin(operator)))
    planted = dict(browser.cookies)  # a session that somebody else knows of
    browser.get(team.approve(sent_to(browser), "lin"))
    assert site.visitor(cookies=planted).get("/").url.path == "/"
    copied = dict(browser.cookies)
    left = browser.post("/sign-out")
    assert left.url.path == "/oidc/signed-out"
    assert site.visitor(cookies=copied).get("/requests").status_code == 403
    there = re.search(r'href="([^"]+)" rel="noreferrer">Sign out of Acme too', left.text)
    assert there is not None
    address = httpx.URL(there[1].replace("&amp;", "&"))
    assert str(address).startswith(f"{team.issuer}/")
    assert dict(address.params) == {"client_id": "staxpipe-web", "post_logout_redirect_uri": f"{site.url}/"}
    assert httpx.get(address).status_code == 200


def test_whom_changed_rules_do_not_let_in_is_out(serve: Serve, site: Pages, team: Team) -> None:
    ada = sign_in(site, team, "ada")
    same = serve(oidc_issuer=team.issuer, **SETTINGS)
    changed = serve(oidc_issuer=team.issuer, **{**SETTINGS, "oidc_operator_group": "admins"})
    none = serve()
    for pages, status in ((same, 200), (changed, 403), (none, 403)):
        assert pages.visitor(cookies=dict(ada.cookies)).get("/requests").status_code == status


def test_nobody_is_sent_anywhere_else(site: Pages, team: Team) -> None:
    browser = site.visitor()
    evil = ("https://evil.example.com", "//evil.example.com", "/\\evil.example.com")
    for then in (*evil, "/sign-out", "/requests/../x", "/oidc/begin", "/requests/x\r\nSet-Cookie: a=b"):
        answer = browser.get(team.approve(sent_to(browser, then)), follow_redirects=False)
        assert answer.headers["location"] == "/requests"


def test_beginning_changes_nothing_and_asks_for_what_it_must(site: Pages, team: Team, engine: Engine) -> None:
    before = stored(engine)
    browser = site.visitor()
    addresses = [httpx.URL(sent_to(browser)) for _ in range(2)]
    assert stored(engine) == before
    for address in addresses:
        assert str(address).startswith(f"{team.issuer}/oauth2/authorize?")
        asked = dict(address.params)
        for secret in ("state", "nonce", "code_challenge"):
            assert len(asked.pop(secret)) >= 43
        assert asked == {
            "response_type": "code",
            "client_id": "staxpipe-web",
            "redirect_uri": f"{site.url}/oidc/callback",
            "scope": "openid email profile",
            "code_challenge_method": "S256",
        }
    for secret in ("state", "nonce", "code_challenge"):
        assert addresses[0].params[secret] != addresses[1].params[secret]


def test_the_cookie_of_a_sign_in_is_kept_from_scripts_and_bound_to_the_host(serve: Serve, team: Team) -> None:
    pages = serve(oidc_issuer=team.issuer, public_url="https://costs.example.com", **SETTINGS)
    answer = httpx.get(f"{pages.url}/oidc/begin")
    cookie = answer.headers["set-cookie"]
    assert re.match(r"__Host-staxpipe-oidc=[\w.-]+; HttpOnly; Max-Age=600; Path=/; SameSite=lax; Secure$", cookie)
    assert "redirect_uri=https%3A%2F%2Fcosts.example.com%2Foidc%2Fcallback" in answer.headers["location"]


def test_a_provider_that_is_down_or_another_is_told_in_words(serve: Serve, fragile: Team, engine: Engine) -> None:
    wrong = serve(oidc_issuer=f"{fragile.issuer}/", **SETTINGS)
    answer = wrong.visitor().get("/oidc/begin")
    assert answer.status_code == 500
    assert "Signing in with Acme is not possible" in answer.text
    assert "Whoever runs staxpipe finds in its log what to change" in answer.text
    assert "a slash at its end included" in str(told(engine)[0].detail["reason"])
    fragile.stop()
    down = serve(oidc_issuer=fragile.issuer, **SETTINGS)
    answer = down.visitor().get("/oidc/begin")
    assert answer.status_code == 503
    assert "It does not answer. Please try again in a minute" in answer.text
    assert "does not answer at" in str(told(engine)[0].detail["reason"])
    assert down.visitor().get("/").status_code == 200


def test_a_client_that_the_provider_does_not_know_is_the_operators_matter(
    serve: Serve, fragile: Team, engine: Engine
) -> None:
    fragile.stop()
    fragile.start(require_client_registration=True)
    registered = httpx.post(
        f"{fragile.issuer}/oauth2/clients", json={"redirect_uris": ["http://127.0.0.1:1/oidc/callback"]}
    ).json()
    pages = serve(
        oidc_issuer=fragile.issuer,
        public_url="http://127.0.0.1:1",
        **{**SETTINGS, "oidc_client_id": registered["client_id"]},
    )
    browser = pages.visitor()
    back = httpx.URL(fragile.approve(sent_to(browser)))
    answer = browser.get(back.raw_path.decode())
    assert answer.status_code == 500
    reason = str(told(engine)[0].detail["reason"])
    assert "invalid_client" in reason
    assert "STAXPIPE_OIDC_CLIENT_SECRET" in reason
    assert "the-client-secret-of-the-tests" not in answer.text + reason


def test_links_are_a_second_way_in_only_where_that_is_set(serve: Serve, site: Pages, team: Team) -> None:
    browser, link = site.visitor(), site.sign_in_link()
    assert "Sign-in links are switched off" in browser.get(link).text
    assert browser.post(link).status_code == 403
    assert browser.get("/requests").status_code == 403
    assert "staxpipe sign-in" not in browser.get("/").text
    both = serve(oidc_issuer=team.issuer, sign_in_links=True, **SETTINGS)
    assert "staxpipe sign-in" in both.visitor().get("/").text
    assert both.operator().get("/requests").status_code == 200
    without = serve()
    assert without.visitor().get("/oidc/begin").status_code == 404
    operator = without.operator()
    assert operator.get("/requests").status_code == 200
    for pages, status in ((both, 200), (site, 403)):  # who came in by a link is out where links let nobody in
        assert pages.visitor(cookies=dict(operator.cookies)).get("/requests").status_code == status


def test_the_provider_is_asked_for_so_often(site: Pages) -> None:
    """Each may have to wait for the provider, and with it one of the server's threads."""
    asking = Use(ASKING_PROVIDER, "127.0.0.1")
    with site.engine.begin() as connection:
        rate_limits.count(connection, asking.key, site.clock.now, asking.limit.span, asking.limit.most - 2)
    browser = site.visitor()
    pages = ("begin", "signed-out", "begin", "signed-out")
    codes = [browser.get(f"/oidc/{page}", follow_redirects=False).status_code for page in pages]
    assert codes == [303, 200, 429, 429]


def test_that_the_provider_is_down_is_nobodys_dead_link(serve: Serve, fragile: Team) -> None:
    pages = serve(oidc_issuer=fragile.issuer, **SETTINGS)
    browser = pages.visitor()
    failing = Use(FAILING, "127.0.0.1")
    with pages.engine.begin() as connection:
        rate_limits.count(connection, failing.key, pages.clock.now, FAILING.span, FAILING.most - 1)
    back = fragile.approve(sent_to(browser))
    fragile.stop()
    assert browser.get(back).status_code == 503
    fragile.start()
    assert browser.get(fragile.approve(sent_to(browser))).status_code == 200


def test_answers_are_tried_so_often(site: Pages) -> None:
    browser = site.visitor()
    failing = Use(FAILING, "127.0.0.1")
    with site.engine.begin() as connection:
        rate_limits.count(connection, failing.key, site.clock.now, FAILING.span, FAILING.most - 1)
    assert [browser.get("/oidc/callback?state=x&code=y").status_code for _ in range(2)] == [403, 429]
