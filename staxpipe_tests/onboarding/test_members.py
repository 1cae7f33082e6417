"""Asking for several members of an organisation at once, by one StackSet."""

from __future__ import annotations

import html
import re

import httpx
import pytest
from sqlalchemy import Engine, select

from staxpipe.db import audit_log, link_requests, probes
from staxpipe.db.link_requests import LinkRequest
from staxpipe.db.tables import link_requests as table
from staxpipe.db.tables import links, member_roles
from staxpipe.model import LinkState, RequestState
from staxpipe.onboarding.member_forms import MOST_MEMBERS
from staxpipe_tests.ledger import a_delivery, record
from staxpipe_tests.onboarding.conftest import Pages, Serve, begin, begin_listening, errors

ADA, BEN = "111122223333", "444455556666"
FORM = {"bucket": "acme-reports-{account}", "prefix": "reports", "region": "eu-west-1", "accounts": f"{ADA}\n{BEN}"}


def ask(browser: httpx.Client, request_id: str, **changed: str) -> httpx.Response:
    return browser.post(f"/requests/{request_id}/members", data=FORM | changed)


def by_account(pages: Pages, engine: Engine, request_id: str) -> dict[str, LinkRequest]:
    with engine.connect() as connection:
        group = link_requests.of_group(connection, pages.request(request_id))
    return {str(other.account_id): other for other in group}


def test_each_member_listens_with_an_external_id_and_a_role_of_its_own(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    assert f'href="/requests/{payer}/members"' in browser.get(f"/requests/{payer}").text
    assert "Create the roles" not in browser.get(f"/requests/{payer}/members").text
    page = ask(browser, payer)
    assert page.url.path == f"/requests/{payer}/members"
    with engine.connect() as connection:
        roles = connection.execute(select(member_roles)).one()
    asked = by_account(pages, engine, payer)
    assert set(asked) == {"123456789012", ADA, BEN}
    for account in (ADA, BEN):
        request = asked[account]
        assert request.state is RequestState.LISTENING
        assert request.external_id == f"{roles.external_id}-{account}"
        assert request.role_name == f"{roles.role_name}-{account}"
        assert request.role_arn == f"arn:aws:iam::{account}:role/{roles.role_name}-{account}"
        assert (request.bucket, request.prefix) == (f"acme-reports-{account}", "reports")
        assert request.next_probe_at == pages.clock.now
    assert asked["123456789012"].external_id not in {roles.external_id, asked[ADA].external_id}
    command = html.unescape(re.findall(r'<code id="command">(.*?)</code>', page.text, re.DOTALL)[0])
    assert f"ExternalId={roles.external_id}" in command
    assert f"RoleName={roles.role_name}" in command
    assert "BucketNameBefore=acme-reports-" in command
    assert "1111-2222-3333" in page.text
    with engine.connect() as connection:
        begun = [entry for entry in audit_log.entries(connection) if entry.detail.get("account_id") == ADA]
    assert begun[0].action == "request.begun"
    assert roles.external_id not in str(begun)


def test_asking_again_adds_members_and_keeps_the_set(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    ask(browser, payer, accounts=ADA)
    before = by_account(pages, engine, payer)[ADA]
    ask(browser, before.id, bucket="other-{account}", accounts=f"{ADA},{BEN}")
    after = by_account(pages, engine, payer)
    assert len(after) == 3
    assert (after[ADA].id, after[ADA].external_id) == (before.id, before.external_id)
    assert after[ADA].bucket == f"other-{ADA}", "it is one StackSet: what was said last holds for all"
    assert after[BEN].bucket == f"other-{BEN}"
    with engine.connect() as connection:
        [roles] = connection.execute(select(member_roles)).all()
    assert after[BEN].external_id == f"{roles.external_id}-{BEN}"


def test_a_member_that_was_cancelled_is_not_asked_for_again_with_the_same_external_id(
    pages: Pages, engine: Engine
) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    ask(browser, payer, accounts=ADA)
    member = by_account(pages, engine, payer)[ADA]
    browser.post(f"/requests/{member.id}/cancel")
    assert "comes from a StackSet" in browser.get(f"/requests/{member.id}").text
    refused = ask(browser, payer, accounts=ADA)
    assert "cancelled" in errors(refused)["accounts"]
    with engine.connect() as connection:
        states = connection.execute(select(table.c.state).where(table.c.account_id == ADA)).scalars().all()
    assert states == [RequestState.CANCELLED]


def test_a_region_that_is_corrected_holds_for_all_that_listen_and_the_stack_set_stays(
    pages: Pages, engine: Engine
) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    ask(browser, payer, accounts=ADA)
    page = ask(browser, payer, region="eu-central-1", accounts=BEN)
    asked = by_account(pages, engine, payer)
    assert {asked[account].region for account in (ADA, BEN)} == {"eu-central-1"}
    assert {asked[account].stack_region for account in (ADA, BEN)} == {"eu-west-1"}
    assert "--region eu-west-1" in html.unescape(page.text)
    assert re.search(r'value="eu-central-1"\s+selected', page.text)
    assert "The StackSet stays in eu-west-1" in page.text


def test_where_reports_are_is_corrected_without_naming_a_member_again(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    assert list(errors(ask(browser, payer, accounts=" "))) == ["accounts"], "of the first there must be one"
    ask(browser, payer, accounts=ADA)
    assert ask(browser, payer, prefix="cur", accounts=" ").status_code == 200
    assert by_account(pages, engine, payer)[ADA].prefix == "cur"


def test_corrections_are_in_the_audit_log(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    ask(browser, payer, accounts=ADA)
    member = by_account(pages, engine, payer)[ADA]
    ask(browser, payer, bucket="other-{account}", accounts=BEN)
    with engine.connect() as connection:
        [saved, *_] = audit_log.entries(connection, f"request:{member.id}")
    assert (saved.action, saved.result) == ("request.details-saved", "done")
    assert saved.detail["bucket"] == f"other-{ADA}"


def link(engine: Engine, request: LinkRequest, state: LinkState = LinkState.ACTIVE) -> None:
    """The member's role was proved."""
    with engine.begin() as connection:
        assert probes.mark_linked(connection, request.id, request.updated_at)
        connection.execute(
            links.insert().values(
                id=f"link-{request.account_id}",
                request_id=request.id,
                account_id=request.account_id,
                role_arn=request.role_arn,
                external_id=request.external_id,
                bucket=request.bucket,
                prefix=request.prefix,
                region=request.region,
                contact="operator",
                state=state,
            )
        )


def test_where_a_member_is_linked_and_nothing_was_found_its_bucket_is_corrected_too(
    pages: Pages, engine: Engine
) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    ask(browser, payer, accounts=ADA)
    link(engine, by_account(pages, engine, payer)[ADA])
    assert ask(browser, payer, bucket="other-{account}", accounts=BEN).status_code == 200
    with engine.connect() as connection:
        assert connection.execute(select(links.c.bucket)).scalars().all() == [f"other-{ADA}"]


def test_buckets_stay_where_reports_of_a_member_were_found(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    ask(browser, payer, accounts=ADA)
    link(engine, by_account(pages, engine, payer)[ADA])
    with engine.begin() as connection:
        record(connection, a_delivery(), ADA, f"link-{ADA}")
    refused = ask(browser, payer, bucket="other-{account}", accounts=BEN)
    assert refused.status_code == 422
    assert f"acme-reports-{ADA}/reports" in errors(refused)["bucket"]
    assert set(by_account(pages, engine, payer)) == {"123456789012", ADA}
    assert ask(browser, payer, accounts=f"{ADA}\n{BEN}").status_code == 200, "whoever is linked may be in the list"


def test_a_member_that_was_unlinked_is_not_asked_for_again(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    ask(browser, payer, accounts=ADA)
    link(engine, by_account(pages, engine, payer)[ADA], LinkState.ENDED)
    refused = ask(browser, payer)
    assert refused.status_code == 422
    assert ADA in errors(refused)["accounts"]
    assert "link it like any other account" in errors(refused)["accounts"]


@pytest.mark.parametrize("state", [RequestState.EXPIRED, RequestState.REFUSED])
def test_a_member_that_expired_or_was_refused_listens_again_when_it_is_asked_for(
    pages: Pages, engine: Engine, state: RequestState
) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    ask(browser, payer, accounts=ADA)
    with engine.begin() as connection:
        connection.execute(table.update().where(table.c.account_id == ADA).values(state=state))
    ask(browser, payer, bucket="other-{account}", accounts=ADA)
    again = by_account(pages, engine, payer)[ADA]
    assert (again.state, again.bucket) == (RequestState.LISTENING, f"other-{ADA}")


def test_an_account_whose_own_request_was_cancelled_can_be_a_member(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    beside = begin_listening(browser)
    with engine.begin() as connection:
        values = {"group_id": payer, "account_id": ADA, "state": RequestState.CANCELLED}
        connection.execute(table.update().where(table.c.id == beside).values(values))
    assert ask(browser, payer, accounts=ADA).status_code == 200
    with engine.connect() as connection:
        states = connection.execute(select(table.c.state).where(table.c.account_id == ADA)).scalars().all()
    assert sorted(states) == [RequestState.CANCELLED, RequestState.LISTENING]


def test_how_a_member_s_role_is_created_is_said_on_the_set_s_page(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    ask(browser, payer, accounts=ADA)
    member = by_account(pages, engine, payer)[ADA]
    for page in ("deploy", "update"):
        shown = browser.get(f"/requests/{member.id}/{page}")
        assert shown.url.path == f"/requests/{member.id}/members"
        assert "with {account} where" in shown.text


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"accounts": "1234"}, "accounts"),
        ({"bucket": "acme"}, "bucket"),
        ({"accounts": "123456789012"}, "accounts"),
    ],
)
def test_a_wrong_answer_is_told_and_nothing_is_kept(
    pages: Pages, engine: Engine, changed: dict[str, str], field: str
) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    answer = ask(browser, payer, **changed)
    assert answer.status_code == 422
    assert list(errors(answer)) == [field]
    with engine.connect() as connection:
        assert connection.execute(select(member_roles)).all() == []
        assert len(connection.execute(select(table)).all()) == 1


def test_a_request_has_so_many_accounts_at_most(pages: Pages) -> None:
    browser = pages.operator()
    payer = begin_listening(browser)
    most = "\n".join(f"{number:012}" for number in range(MOST_MEMBERS))
    answer = ask(browser, payer, accounts=most)
    assert answer.status_code == 422
    assert "at most 50 accounts" in errors(answer)["accounts"]


def test_others_neither_see_nor_change_it(pages: Pages) -> None:
    payer = begin_listening(pages.operator())
    stranger = pages.visitor()
    assert stranger.get(f"/requests/{payer}/members").status_code == 403
    assert ask(stranger, payer).status_code == 403


def test_of_a_cancelled_request_nothing_is_asked(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    payer = begin(browser)
    browser.post(f"/requests/{payer}/cancel")
    assert browser.get(f"/requests/{payer}/members").url.path == f"/requests/{payer}"
    assert ask(browser, payer).url.path == f"/requests/{payer}"
    with engine.connect() as connection:
        assert connection.execute(select(member_roles)).all() == []


def test_with_a_published_template_one_link_opens_the_console(serve: Serve) -> None:
    browser = serve(template_url="https://acme-templates.s3.amazonaws.com/v1/staxpipe-link.yaml").operator()
    payer = begin_listening(browser)
    page = ask(browser, payer).text
    assert "Open AWS Console" in page
    assert "v1%2Fstaxpipe-members.yaml" in page
    assert "activate trusted access" in page.lower()


def test_without_a_principal_of_its_own_staxpipe_says_so(serve: Serve) -> None:
    browser = serve(operator_role_arn=None).operator()
    page = ask(browser, begin_listening(browser)).text
    assert "STAXPIPE_OPERATOR_ROLE_ARN is not set" in page


def test_anybody_may_read_the_template_and_what_is_said_of_it(pages: Pages) -> None:
    stranger = pages.visitor()
    assert 'id="members"' in stranger.get("/help").text
    answer = stranger.get("/staxpipe-members.yaml")
    assert answer.headers["content-disposition"] == 'attachment; filename="staxpipe-members.yaml"'
    assert "AWS::CloudFormation::StackSet" in answer.text


def test_names_of_the_organisation_are_offered_and_left_out_unless_chosen(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    page = browser.get(f"/requests/{request_id}/deploy").text
    assert "IncludeOrganizations=true" not in page.split("optional-parameters")[0]
    assert f'href="/requests/{request_id}/deploy?names=1"' in page
    chosen = browser.get(f"/requests/{request_id}/deploy?names=1").text
    assert "IncludeOrganizations=true" in chosen
    assert f'href="/requests/{request_id}/deploy"' in chosen
