"""The likeliest mistakes of whoever owns an account, each really made, and told apart by the request's page alone.

They are the demo's (`staxpipe.demo.mistakes`), made in its AWS, which enforces trust and policies; the real sweep and
doctor look, the real server shows. What AWS itself keeps silent about (why a role does not answer) the page has the
person look up in the console: `in_the_console` does that, knowing nothing but what the page says. The one that the
stand-in cannot make (a KMS key that refuses) is `KeyThatRefuses`, with AWS's own words.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from staxpipe.aws.errors import in_words
from staxpipe.aws.link_bucket import link_bucket
from staxpipe.demo import linking, mistakes
from staxpipe.demo.browser import Browser
from staxpipe.demo.console import Screen, look_at_stack
from staxpipe.demo.mistakes import MISTAKES, Mistake, Owner
from staxpipe.demo.world import REGION, Cloud
from staxpipe.doctor.facts import Facts, Subject
from staxpipe.doctor.gather import look, look_into
from staxpipe.exports.bucket import Bucket
from staxpipe.linking.probe import probe
from staxpipe.linking.sweep import sweep
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe.model import RequestState, StoredObject
from staxpipe_tests.aws_stand_in import aws, operator, operator_environment
from staxpipe_tests.linking.test_probe import at_once
from staxpipe_tests.onboarding.conftest import Pages, Serve

pytestmark = pytest.mark.long

__all__ = ["aws", "operator", "operator_environment"]

LOCKED = Mistake("the KMS key refuses", mistakes.created())
ALL = (*MISTAKES, LOCKED)


@dataclass(frozen=True)
class Told:
    """What the page says: `sentence` names the mistake, and `to_do` what mends it."""

    sentence: str
    to_do: str


WORDS = {
    "the stack was not created": Told("It was not created", "create it"),
    "the stack is in another account": Told("The stack is in the wrong account.", "Delete it there"),
    "another ExternalId was typed": Told(
        "The role waits for somebody who shows that other ExternalId", "Update the stack with this one, as said below."
    ),
    "somebody else is trusted": Told(
        "The role lets in somebody else, and not staxpipe.", "Update the stack with this one, as said below."
    ),
    "the role has another name": Told(
        "staxpipe looks for the role under this very name.", "Update the stack with it, as said below."
    ),
    "a role made by hand demands no ExternalId": Told(
        "Its trust policy has no condition on sts:ExternalId.", "create the stack from staxpipe's template, unchanged"
    ),
    "a role made by hand takes any ExternalId": Told(
        "Its trust policy takes any ExternalId", "create the stack from staxpipe's template, unchanged"
    ),
    "the bucket is misspelt": Told(
        "There is no such bucket", "By the account's own settings, the export “daily” goes to bucket"
    ),
    "the bucket is another account's": Told(
        "AWS gives no reason, and mostly gives none where the bucket belongs to another account",
        "check that the bucket belongs to the linked account",
    ),
    "the stack has another prefix": Told(
        "the role's stack names another bucket or another prefix",
        "must say BucketName={bucket} and BucketPrefix=reports",
    ),
    "the reports are below another prefix": Told(
        "That is not where AWS delivers to.", "the export “daily” goes to bucket {bucket}, prefix elsewhere"
    ),
    "the export was set up today": Told("and nothing has come yet.", "There is nothing to do but to wait."),
    "a bucket policy denies": Told(
        "What stands in the way is a policy beside the role's own", "Whoever keeps it must let the role through."
    ),
    "the export has whole months only": Told(
        "Rows are for whole months, so costs cannot be shown by day.", "set “Time granularity” to Daily or Hourly"
    ),
    "the KMS key refuses": Told("The KMS key that encrypts", "Give it as KmsKeyArn"),
}


@dataclass(frozen=True)
class Stage:
    """The pages, the AWS that they speak of, and somebody who is signed in to the pages."""

    pages: Pages
    cloud: Cloud
    browser: Browser

    def page(self, owner: Owner) -> str:
        """The page of an owner's request."""
        return self.browser.download(f"/requests/{owner.request_id}")


@pytest.fixture
def stage(serve: Serve, aws: AwsStandIn, operator_environment: StandInCredentials) -> Iterator[Stage]:
    pages = serve(operator_role_arn=operator_environment.arn, region=REGION)
    browser = Browser(pages.url)
    linking.sign_in(browser, pages.sign_in_link())
    yield Stage(pages, Cloud(aws, operator_environment), browser)
    browser.close()


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


def in_the_console(what: str, screen: Screen) -> bool:
    """Whether a person sees it where they created their stack."""
    if match := re.fullmatch(r"The top right shows another account than ([\d-]+)", what):
        return match[1].replace("-", "") != screen.account_id
    if match := re.fullmatch(r"There is no stack (\S+)", what):
        assert match[1] == screen.stack
        return screen.status is None
    if "does not say CREATE_COMPLETE" in what:
        assert screen.status is not None
        return screen.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    if match := re.fullmatch(r"Its tab Parameters has another (\w+) than (\S+)", what):
        return screen.parameters[match[1]] != match[2]
    assert what == "None of these"
    return True


def told(page: str, owner: Owner) -> str:
    """What the page comes to for its reader: of its list the first that is so, and all of the rest."""
    listed = reasons(page)
    rest = plain(re.sub(r"<dl[^>]* data-reasons>.*?</dl>", "", page, flags=re.DOTALL))
    screen = look_at_stack(owner.console, owner.order.stack)
    first = next((pair for pair in listed if in_the_console(pair[0], screen)), None)
    return f"{first[1]} {rest}" if first else rest


def test_each_mistake_is_told_by_the_page_and_no_two_in_the_same_words(stage: Stage) -> None:
    owners = {mistake.name: mistakes.make(mistake, stage.cloud, stage.browser) for mistake in ALL}
    assert owners.keys() == WORDS.keys()

    def looking(operator: boto3.Session, subject: Subject) -> Facts:
        facts = look(operator, subject)
        if subject.account_id != owners[LOCKED.name].account_id:
            return facts
        shut: Any = KeyThatRefuses(link_bucket(operator, subject))
        return replace(facts, bucket=replace(look_into(shut, subject.prefix), region=subject.region))

    pages = stage.pages
    for _ in range(2):  # who lets in anybody is accused the second time
        sweep(pages.engine, pages.settings, partial(probe, sleep=at_once), pages.clock.now, 120, look=looking)
        pages.clock.pass_by(timedelta(seconds=30))

    sentences = [told.sentence for told in WORDS.values()]
    assert len(set(sentences)) == len(ALL) >= 10
    for name, owner in owners.items():
        words = told(stage.page(owner), owner)
        assert [sentence for sentence in sentences if sentence in words] == [WORDS[name].sentence], name
        assert WORDS[name].to_do.format(bucket=owner.bucket) in words, name


def test_a_role_that_is_as_the_page_says_needs_none_of_these_words(stage: Stage) -> None:
    owner = mistakes.make(Mistake("none", mistakes.created()), stage.cloud, stage.browser)
    assert told(stage.page(owner), owner).startswith("AWS may need a few minutes")
    pages = stage.pages
    sweep(pages.engine, pages.settings, partial(probe, sleep=at_once), pages.clock.now, 60)
    words = plain(stage.page(owner))
    assert pages.request(owner.request_id).state is RequestState.LINKED
    assert not [name for name, told in WORDS.items() if told.sentence in words]
    assert "to be mended" not in words
