"""The likeliest mistakes of whoever owns an account, each really made, and told apart by the request's page alone.

All are made in the demo's AWS, which enforces trust and policies; the real sweep and doctor look, the real server
shows. What AWS itself keeps silent about (why a role does not answer) the page has the person look up in the console:
`in_the_console` does that, knowing nothing but what the page says. The one that the stand-in cannot make (a KMS key
that refuses) is `KeyThatRefuses`, with AWS's own words.
"""

from __future__ import annotations

import html
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from staxpipe.aws.errors import in_words
from staxpipe.aws.link_bucket import link_bucket
from staxpipe.doctor.facts import Facts, Subject
from staxpipe.doctor.gather import look, look_into
from staxpipe.exports.bucket import Bucket
from staxpipe.linking.probe import probe
from staxpipe.linking.sweep import sweep
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe.model import RequestState, StoredObject
from staxpipe_tests.aws_stand_in import Customer, aws, operator, operator_environment
from staxpipe_tests.doctor.test_gather import define, deliver
from staxpipe_tests.linking.test_probe import at_once, trust
from staxpipe_tests.onboarding.conftest import Pages, Serve, begin_listening

pytestmark = pytest.mark.long

__all__ = ["aws", "operator", "operator_environment"]

ELSEWHERE = "elsewhere/daily/20261001-20261101"


@dataclass(frozen=True)
class Owner:
    """A person with an account and a bucket, who has a request, and makes a stack for it somewhere."""

    aws: AwsStandIn
    customer: Customer
    signed_in_to: boto3.Session

    def elsewhere(self) -> boto3.Session:
        """Another account of theirs."""
        return self.aws.session(digits())


@dataclass(frozen=True)
class Mistake:
    """What was done wrong; `asked` is what the form said, `sentence` names the mistake and `to_do` what mends it."""

    name: str
    make: Callable[[Owner], Owner | None]
    sentence: str
    to_do: str
    asked: Callable[[Customer], dict[str, str]] = lambda _: {}


def digits() -> str:
    return "".join(secrets.choice("0123456789") for _ in range(12))


def in_another_account(owner: Owner) -> Owner:
    other = owner.elsewhere()
    replace(owner.customer, session=other).deploy()
    return replace(owner, signed_in_to=other)


def by_hand(condition: object | None) -> Callable[[Owner], None]:
    def make(owner: Owner) -> None:
        trust(owner.customer, {"AWS": owner.customer.operator_arn}, condition)

    return make


def deployed(**changed: str) -> Callable[[Owner], None]:
    def make(owner: Owner) -> None:
        deliver(owner.customer)
        owner.customer.deploy(**changed)

    return make


def misspelt(owner: Owner) -> None:
    right = owner.customer.bucket
    deliver(owner.customer)
    define(owner.customer)
    owner.customer.deploy(BucketName=f"{right}s")


def of_somebody_else(owner: Owner) -> None:
    theirs = f"{owner.customer.bucket}-of-others"
    owner.elsewhere().client("s3").create_bucket(Bucket=theirs)
    owner.customer.deploy(BucketName=theirs)


def in_another_folder(owner: Owner) -> None:
    deliver(owner.customer, ELSEWHERE)
    define(owner.customer, S3Prefix="elsewhere")
    owner.customer.deploy()


def set_up_today(owner: Owner) -> None:
    define(owner.customer)
    owner.customer.deploy()


def denied_by_the_bucket(owner: Owner) -> None:
    deliver(owner.customer)
    owner.customer.deploy()
    bucket = owner.customer.bucket
    denial = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    owner.customer.session.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)


def by_month(owner: Owner) -> None:
    deliver(owner.customer)
    define(owner.customer, TimeUnit="MONTHLY")
    owner.customer.deploy()


NOT_CREATED = "It was not created"
KEY = "The KMS key that encrypts"

MISTAKES = (
    Mistake("the stack was not created", lambda _: None, NOT_CREATED, "create it"),
    Mistake(
        "the stack is in another account",
        in_another_account,
        "The stack is in the wrong account.",
        "Delete it there",
    ),
    Mistake(
        "another ExternalId was typed",
        deployed(ExternalId="typed-" + "x" * 40),
        "The role waits for somebody who shows that other ExternalId",
        "Update the stack with this one, as said below.",
    ),
    Mistake(
        "somebody else is trusted",
        deployed(OperatorPrincipalArn="arn:aws:iam::123456789012:role/staxpipe"),
        "The role lets in somebody else, and not staxpipe.",
        "Update the stack with this one, as said below.",
    ),
    Mistake(
        "the role has another name",
        deployed(RoleName="staxpipe-link-mynewrole123"),
        "staxpipe looks for the role under this very name.",
        "Update the stack with it, as said below.",
    ),
    Mistake(
        "a role made by hand demands no ExternalId",
        by_hand(None),
        "Its trust policy has no condition on sts:ExternalId.",
        "create the stack from staxpipe's template, unchanged",
    ),
    Mistake(
        "a role made by hand takes any ExternalId",
        by_hand({"StringLike": {"sts:ExternalId": "*"}}),
        "Its trust policy takes any ExternalId",
        "create the stack from staxpipe's template, unchanged",
    ),
    Mistake(
        "the bucket is misspelt",
        misspelt,
        "There is no such bucket",
        "By the account's own settings, daily goes to bucket",
        lambda customer: {"bucket": f"{customer.bucket}s"},
    ),
    Mistake(
        "the bucket is another account's",
        of_somebody_else,
        "AWS gives no reason, and mostly gives none where the bucket belongs to another account",
        "check that the bucket belongs to the linked account",
        lambda customer: {"bucket": f"{customer.bucket}-of-others"},
    ),
    Mistake(
        "the stack has another prefix",
        deployed(BucketPrefix="cur"),
        "the role's stack does not name it",
        "must say BucketName={bucket} and BucketPrefix=reports",
    ),
    Mistake(
        "the reports are below another prefix",
        in_another_folder,
        "That is not where AWS delivers to.",
        "daily goes to bucket {bucket}, prefix elsewhere",
    ),
    Mistake(
        "the export was set up today",
        set_up_today,
        "and nothing has come yet.",
        "There is nothing to do but to wait.",
    ),
    Mistake(
        "a bucket policy denies",
        denied_by_the_bucket,
        "What stands in the way is a policy beside the role's own",
        "Whoever keeps it must let the role through.",
    ),
    Mistake("the KMS key refuses", deployed(), KEY, "Give it as KmsKeyArn"),
    Mistake(
        "the export has whole months only",
        by_month,
        "Rows are for whole months, so costs cannot be shown by day.",
        "set “Time granularity” to Daily or Hourly",
    ),
)


class KeyThatRefuses:
    """A bucket whose files a KMS key keeps shut: what S3 answers then, since the stand-in decrypts for everybody."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bucket, name)

    def read(self, stored: StoredObject, limit: int) -> bytes:  # noqa: ARG002
        said = "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: kms:Decrypt on the resource"
        with in_words(f"the file {stored.key}"):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": said}}, "GetObject")
        raise AssertionError("it was refused")


def plain(text: str) -> str:
    """What a person reads of a piece of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


def reasons(page: str) -> list[tuple[str, str]]:
    """The list of what to look for in the console, as the page has it; empty where it has none."""
    listed = re.search(r"<dl[^>]* data-reasons>(.*?)</dl>", page, re.DOTALL)
    found = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", listed[1], re.DOTALL) if listed else []
    return [(plain(what), plain(why)) for what, why in found]


def in_the_console(what: str, console: boto3.Session, stack_name: str) -> bool:
    """Whether a person sees it where they created their stack."""
    account = console.client("sts").get_caller_identity()["Account"]
    stacks = console.client("cloudformation").describe_stacks()["Stacks"]
    stack = next((stack for stack in stacks if stack["StackName"] == stack_name), None)
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]} if stack else {}
    if match := re.fullmatch(r"The top right shows another account than ([\d-]+)", what):
        return match[1].replace("-", "") != account
    if match := re.fullmatch(r"There is no stack (\S+)", what):
        assert match[1] == stack_name
        return stack is None
    if "does not say CREATE_COMPLETE" in what:
        assert stack is not None
        return stack["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    if match := re.fullmatch(r"Its tab Parameters has another (\w+) than (\S+)", what):
        return parameters[match[1]] != match[2]
    assert what == "None of these"
    return True


def told(page: str, owner: Owner) -> str:
    """What the page comes to for its reader: of its list the first that is so, and all of the rest."""
    listed = reasons(page)
    rest = plain(re.sub(r"<dl[^>]* data-reasons>.*?</dl>", "", page, flags=re.DOTALL))
    name = owner.customer.role_name
    first = next((pair for pair in listed if in_the_console(pair[0], owner.signed_in_to, name)), None)
    return f"{first[1]} {rest}" if first else rest


def begin_with(mistake: Mistake, browser: httpx.Client, pages: Pages, aws: AwsStandIn, principal: str) -> Owner:
    """An account with a bucket, its request by the form, and then the mistake."""
    account, bucket = digits(), f"bills-{secrets.token_hex(6)}"
    session = aws.session(account)
    session.client("s3").create_bucket(Bucket=bucket)
    customer = Customer(session, account, principal, bucket)
    answers = {"account_id": account, "bucket": bucket, "prefix": "reports", "region": customer.region}
    request_id = begin_listening(browser, **answers | mistake.asked(customer))
    request = pages.request(request_id)
    customer = replace(customer, id=request_id, external_id=request.external_id, role_name=request.role_name)
    owner = Owner(aws, customer, session)
    return mistake.make(owner) or owner


def test_each_mistake_is_told_by_the_page_and_no_two_in_the_same_words(
    serve: Serve, aws: AwsStandIn, operator_environment: StandInCredentials
) -> None:
    pages = serve(operator_role_arn=operator_environment.arn, region="us-east-1")
    browser = pages.operator()
    owners = {mistake.name: begin_with(mistake, browser, pages, aws, operator_environment.arn) for mistake in MISTAKES}
    locked = owners["the KMS key refuses"].customer.account_id

    def looking(operator: boto3.Session, subject: Subject) -> Facts:
        facts = look(operator, subject)
        if subject.account_id != locked:
            return facts
        shut: Any = KeyThatRefuses(link_bucket(operator, subject))
        return replace(facts, bucket=replace(look_into(shut, subject.prefix), region=subject.region))

    for _ in range(2):  # who lets in anybody is accused the second time
        sweep(pages.engine, pages.settings, partial(probe, sleep=at_once), pages.clock.now, 120, look=looking)
        pages.clock.pass_by(timedelta(seconds=30))

    sentences = [mistake.sentence for mistake in MISTAKES]
    assert len(set(sentences)) == len(MISTAKES) >= 10
    for mistake in MISTAKES:
        owner = owners[mistake.name]
        page = browser.get(f"/requests/{owner.customer.id}").text
        words = told(page, owner)
        assert [sentence for sentence in sentences if sentence in words] == [mistake.sentence], mistake.name
        assert mistake.to_do.format(bucket=owner.customer.bucket) in words, mistake.name


def test_a_role_that_is_as_the_page_says_needs_none_of_these_words(
    serve: Serve, aws: AwsStandIn, operator_environment: StandInCredentials
) -> None:
    pages = serve(operator_role_arn=operator_environment.arn, region="us-east-1")
    browser = pages.operator()
    nothing = Mistake("none", deployed(), "", "")
    owner = begin_with(nothing, browser, pages, aws, operator_environment.arn)
    waiting = browser.get(f"/requests/{owner.customer.id}").text
    assert told(waiting, owner).startswith("AWS may need a few minutes")
    sweep(pages.engine, pages.settings, partial(probe, sleep=at_once), pages.clock.now, 60)
    words = plain(browser.get(f"/requests/{owner.customer.id}").text)
    assert pages.request(owner.customer.id).state is RequestState.LINKED
    assert not [mistake.name for mistake in MISTAKES if mistake.sentence in words]
    assert "to be mended" not in words
