"""Every kind of trust that a role may have, really deployed, and what the probe says of it."""

from __future__ import annotations

import gc
import json
import secrets
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from staxpipe.aws.sessions import operator_session
from staxpipe.linking import probe as probe_module
from staxpipe.linking.probe import ACCUSATION_CALLS, probe
from staxpipe.linking.verdicts import (
    IgnoresExternalId,
    NotYetAssumable,
    OperatorRefused,
    Safe,
    Unknown,
    Verdict,
    WrongAccount,
)
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe.settings import read_settings
from staxpipe_tests.aws_stand_in import OPERATOR_ACCOUNT, Customer


@pytest.fixture
def who(aws: AwsStandIn, operator: StandInCredentials) -> boto3.Session:
    return aws.session(operator)


def at_once(seconds: float) -> None:
    """Instead of waiting between two calls."""


def trust(customer: Customer, principal: object, condition: object | None) -> None:
    """Make the role by hand, with a trust policy that is not the template's."""
    statement: dict[str, object] = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition is not None:
        statement["Condition"] = condition
    customer.session.client("iam").create_role(
        RoleName=customer.role_name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


@dataclass(frozen=True)
class OfRole:
    """A session of a role, and the role's ARN."""

    session: boto3.Session
    arn: str


def session_of_a_role(aws: AwsStandIn, account: str) -> OfRole:
    """Somebody who is a role of an account, and may assume others."""
    name = f"somebody-{secrets.token_hex(4)}"
    iam = aws.session(account).client("iam")
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [root]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    iam.put_role_policy(
        RoleName=name,
        PolicyName="assume",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    got = aws.session(account).client("sts").assume_role(RoleArn=arn, RoleSessionName="somebody")["Credentials"]
    session: Any = aws.session(account)
    keys = {
        "aws_access_key_id": got["AccessKeyId"],
        "aws_secret_access_key": got["SecretAccessKey"],
        "aws_session_token": got["SessionToken"],
    }
    return OfRole(type(session)(aws.endpoint_url, region_name="us-east-1", **keys), arn)


@contextmanager
def throttling(url: str, times: int) -> Iterator[str]:
    """A front of the stand-in that answers as STS does when it is asked too often, so many times."""
    place = urlsplit(url)
    left = [times]

    class Front(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if left[0] > 0:
                left[0] -= 1
                said = b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error>"
                return self.answer(400, said + b"</ErrorResponse>")
            behind = HTTPConnection(place.hostname or "", place.port, timeout=20)
            behind.request("POST", self.path, body, dict(self.headers))  # its Host, too: it is signed
            answer = behind.getresponse()
            self.answer(answer.status, answer.read())
            return behind.close()

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Front) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def look(who: boto3.Session, customer: Customer) -> Verdict:
    return probe(who, customer, sleep=at_once)


def test_no_role_yet(who: boto3.Session, customer: Customer) -> None:
    verdict = look(who, customer)
    assert verdict == NotYetAssumable(customer.role_arn)
    assert customer.role_arn in verdict.explain()


def test_the_templates_role_is_safe(who: boto3.Session, customer: Customer) -> None:
    customer.deploy()
    assert look(who, customer) == Safe()


def test_a_deleted_stack_is_not_assumable_any_more(who: boto3.Session, customer: Customer) -> None:
    customer.deploy()
    assert look(who, customer) == Safe()
    customer.delete_stack()
    assert look(who, customer) == NotYetAssumable(customer.role_arn)


def test_a_role_without_the_condition_is_accused(who: boto3.Session, customer: Customer) -> None:
    trust(customer, {"AWS": customer.operator_arn}, None)
    verdict = look(who, customer)
    assert verdict == IgnoresExternalId(customer.role_arn, accepts_wrong=True, accepts_none=True)
    assert "sts:ExternalId" in verdict.explain()


@pytest.mark.parametrize("pattern", ["*", "?*"])
def test_a_condition_that_any_external_id_meets_is_accused(
    who: boto3.Session, customer: Customer, pattern: str
) -> None:
    trust(customer, {"AWS": customer.operator_arn}, {"StringLike": {"sts:ExternalId": pattern}})
    assert look(who, customer) == IgnoresExternalId(customer.role_arn, accepts_wrong=True, accepts_none=False)


def test_a_condition_that_holds_only_if_an_external_id_is_given_is_accused(
    who: boto3.Session, customer: Customer
) -> None:
    condition = {"StringEqualsIfExists": {"sts:ExternalId": customer.external_id}}
    trust(customer, {"AWS": customer.operator_arn}, condition)
    assert look(who, customer) == IgnoresExternalId(customer.role_arn, accepts_wrong=False, accepts_none=True)


def test_the_external_id_of_somebody_else_does_not_open_the_role(who: boto3.Session, customer: Customer) -> None:
    customer.deploy()
    other = replace(customer, external_id=secrets.token_urlsafe(32))
    assert look(who, other) == NotYetAssumable(customer.role_arn)


def test_a_role_that_trusts_another_principal_is_not_assumable(who: boto3.Session, customer: Customer) -> None:
    customer.deploy(OperatorPrincipalArn=f"arn:aws:iam::{OPERATOR_ACCOUNT}:role/somebody-else")
    assert look(who, customer) == NotYetAssumable(customer.role_arn)


def test_a_role_in_another_account_is_not_taken_for_this_ones(
    aws: AwsStandIn, who: boto3.Session, customer: Customer
) -> None:
    customer.deploy()
    asked_for = replace(customer, account_id="555555555555")
    assert look(who, asked_for) == NotYetAssumable(asked_for.role_arn)


def test_a_wildcard_principal_behind_the_right_condition_passes(who: boto3.Session, customer: Customer) -> None:
    # The limit of a look from outside: whom else the role trusts cannot be seen. The template names one principal.
    trust(customer, {"AWS": "*"}, {"StringEquals": {"sts:ExternalId": customer.external_id}})
    assert look(who, customer) == Safe()


def test_a_wildcard_principal_without_condition_is_accused(who: boto3.Session, customer: Customer) -> None:
    trust(customer, {"AWS": "*"}, None)
    assert isinstance(look(who, customer), IgnoresExternalId)


def test_a_whole_account_of_ours_behind_the_right_condition_passes(who: boto3.Session, customer: Customer) -> None:
    # As above: then whoever in our account may assume roles can use it, and the ExternalId is still demanded.
    root = f"arn:aws:iam::{OPERATOR_ACCOUNT}:root"
    trust(customer, {"AWS": root}, {"StringEquals": {"sts:ExternalId": customer.external_id}})
    assert look(who, customer) == Safe()


def test_the_same_name_in_another_account_than_ours_is_somebody_else(who: boto3.Session, customer: Customer) -> None:
    customer.deploy(OperatorPrincipalArn=customer.operator_arn.replace(OPERATOR_ACCOUNT, "999999999999"))
    assert look(who, customer) == NotYetAssumable(customer.role_arn)


def test_a_role_of_ours_that_is_the_operator_gets_in(aws: AwsStandIn, customer: Customer) -> None:
    ours = session_of_a_role(aws, OPERATOR_ACCOUNT)
    customer.deploy(OperatorPrincipalArn=ours.arn)
    assert look(ours.session, customer) == Safe()


def test_a_role_that_is_reached_only_through_another_one_is_not_assumable(
    aws: AwsStandIn, who: boto3.Session, customer: Customer
) -> None:
    """Chained: the account's own role in between trusts us, and the link's role trusts that one."""
    between = session_of_a_role(aws, customer.account_id)
    customer.deploy(OperatorPrincipalArn=between.arn)
    assert look(between.session, customer) == Safe(), "it lets in whom it trusts"
    assert look(who, customer) == NotYetAssumable(customer.role_arn)


def test_trust_that_is_narrowed_while_it_is_tried_is_no_accusation(who: boto3.Session, customer: Customer) -> None:
    """As when AWS has not yet spread a condition that was added."""
    principal = {"AWS": customer.operator_arn}
    trust(customer, principal, None)
    narrow = {"StringEquals": {"sts:ExternalId": customer.external_id}}

    def spread(seconds: float) -> None:
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": narrow}
        customer.session.client("iam").update_assume_role_policy(
            RoleName=customer.role_name,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    assert probe(who, customer, sleep=spread) == Safe()


def test_an_operator_whose_own_policy_forbids_it_accuses_nobody(aws: AwsStandIn, customer: Customer) -> None:
    forbidden = aws.create_operator(OPERATOR_ACCOUNT, f"narrow-{secrets.token_hex(4)}")
    customer.deploy(OperatorPrincipalArn=forbidden.arn)
    iam = aws.session(OPERATOR_ACCOUNT).client("iam")
    iam.delete_user_policy(UserName=forbidden.arn.rpartition("/")[2], PolicyName="assume-link-roles")
    verdict = look(aws.session(forbidden), customer)
    assert isinstance(verdict, OperatorRefused)
    assert f"does not allow sts:AssumeRole on {customer.role_arn}" in verdict.explain()


@pytest.mark.usefixtures("operator_environment")
@pytest.mark.parametrize(("throttled", "found"), [(1, Safe), (100, Unknown)])
def test_throttled_calls_are_tried_again_and_then_say_nothing_about_the_role(
    aws: AwsStandIn, customer: Customer, monkeypatch: pytest.MonkeyPatch, throttled: int, found: type
) -> None:
    customer.deploy()
    with throttling(aws.endpoint_url, throttled) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        verdict = look(operator_session(read_settings({})), customer)
    assert isinstance(verdict, found)
    assert isinstance(verdict, Safe) or "Throttling" in verdict.explain()


def test_another_operator_is_refused(aws: AwsStandIn, customer: Customer) -> None:
    customer.deploy()
    other = aws.session(aws.create_operator(OPERATOR_ACCOUNT, f"other-{secrets.token_hex(4)}"))
    assert look(other, customer) == NotYetAssumable(customer.role_arn)


def test_what_the_probe_gets_can_read_nothing(
    who: boto3.Session, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer.put("reports/a")
    customer.deploy()
    got: list[Any] = []
    assume = probe_module._assume

    def watched(*arguments: Any) -> Any:
        got.append(assume(*arguments))
        return got[-1]

    monkeypatch.setattr(probe_module, "_assume", watched)
    assert look(who, customer) == Safe()
    assert len(got) == 1
    s3 = who.client(
        "s3",
        aws_access_key_id=got[0]["AccessKeyId"],
        aws_secret_access_key=got[0]["SecretAccessKey"],
        aws_session_token=got[0]["SessionToken"],
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=customer.bucket, Prefix="reports/")


def test_refused_credentials_of_our_own_say_nothing_about_the_role(
    aws: AwsStandIn, operator: StandInCredentials, customer: Customer
) -> None:
    customer.deploy()
    wrong = aws.session(replace(operator, secret_access_key="wrong"))
    verdict = look(wrong, customer)
    assert isinstance(verdict, OperatorRefused)
    assert "STAXPIPE_OPERATOR_ROLE_ARN" in verdict.explain()


def refusal(code: str, status: int = 400, said: str = "said") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": said}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "AssumeRole",
    )


class ScriptedSts:
    """An STS that gives the answers of a script: for faults that no stand-in makes."""

    GOOD = object()

    def __init__(self, *script: object, account: str = "222222222222") -> None:
        self.script = deque(script)
        self.account = account
        self.external_ids: list[str | None] = []

    def assume_role(self, **arguments: Any) -> dict[str, Any]:
        self.external_ids.append(arguments.get("ExternalId"))
        answer = self.script.popleft()
        if isinstance(answer, Exception):
            raise answer
        return {"Credentials": {"AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c"}}

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self.account}


class ScriptedSession:
    """A session whose every client is the scripted one."""

    def __init__(self, sts: ScriptedSts) -> None:
        self._sts = sts

    def client(self, service: str, **credentials: Any) -> ScriptedSts:
        assert service == "sts"
        assert credentials.pop("config").connect_timeout <= 5
        assert set(credentials) in (
            set(),
            {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"},
        )
        return self._sts


GOOD = ScriptedSts.GOOD
DENIED = refusal("AccessDenied", 403)
PENDING = Customer(
    boto3.Session(region_name="us-east-1"), "222222222222", "", "bills", external_id="e" * 43, role_name="r"
)


def scripted(sts: ScriptedSts, sleep: Callable[[float], None] = at_once) -> Verdict:
    session: Any = ScriptedSession(sts)
    return probe(session, PENDING, sleep=sleep)


def test_the_order_is_right_then_wrong_then_none_and_the_wrong_one_is_fresh() -> None:
    first, second = ScriptedSts(GOOD, DENIED, DENIED), ScriptedSts(GOOD, DENIED, DENIED)
    assert scripted(first) == scripted(second) == Safe()
    right, wrong, none = first.external_ids
    assert right == PENDING.external_id
    assert none is None
    assert wrong not in {right, None, second.external_ids[1]}


def test_an_account_that_differs_is_refused_before_anything_else() -> None:
    sts = ScriptedSts(GOOD, account="333333333333")
    verdict = scripted(sts)
    assert verdict == WrongAccount("222222222222", "333333333333")
    assert "333333333333" in verdict.explain()
    assert len(sts.external_ids) == 1


def test_a_forbidden_way_that_closes_when_looked_at_again_is_no_accusation() -> None:
    waits: list[float] = []
    sts = ScriptedSts(GOOD, GOOD, GOOD, DENIED, GOOD, DENIED)
    assert scripted(sts, waits.append) == Safe()
    assert len(waits) == 3
    assert all(seconds > 0 for seconds in waits)


def test_a_forbidden_way_that_stays_open_is_an_accusation() -> None:
    sts = ScriptedSts(GOOD, *[GOOD] * ACCUSATION_CALLS, DENIED)
    assert scripted(sts) == IgnoresExternalId(PENDING.role_arn, accepts_wrong=True, accepts_none=False)
    assert len(set(sts.external_ids[1 : 1 + ACCUSATION_CALLS])) == ACCUSATION_CALLS


@pytest.mark.parametrize(
    "failure",
    [
        refusal("Throttling"),
        refusal("RequestLimitExceeded", 503),
        refusal("InternalFailure", 500),
        refusal("RegionDisabledException", 403),
        refusal("SomethingNew", 403),
        EndpointConnectionError(endpoint_url="https://sts"),
        ConnectTimeoutError(endpoint_url="https://sts"),
        ReadTimeoutError(endpoint_url="https://sts"),
    ],
    ids=str,
)
@pytest.mark.parametrize("before", [(), (GOOD,), (GOOD, DENIED), (GOOD, GOOD)], ids=["right", "wrong", "none", "again"])
def test_only_access_denied_counts_at_every_step(before: tuple[object, ...], failure: Exception) -> None:
    verdict = scripted(ScriptedSts(*before, failure))
    assert isinstance(verdict, Unknown)
    assert PENDING.role_arn in verdict.explain()


OUR_OWN = {
    "identity-based policy": "with an explicit deny in an identity-based policy: arn:aws:iam::9:policy/guard",
    "permissions boundary": "because no permissions boundary allows the sts:AssumeRole action",
    "service control policy": "with an explicit deny in a service control policy",
    "VPC endpoint policy": "with an explicit deny in a VPC endpoint policy",
}


@pytest.mark.parametrize(("kind", "said"), OUR_OWN.items())
@pytest.mark.parametrize("before", [(), (GOOD,), (GOOD, DENIED)], ids=["right", "wrong", "none"])
def test_what_a_policy_of_ours_forbids_proves_nothing_of_the_role(
    before: tuple[object, ...], kind: str, said: str
) -> None:
    """As where our own account denies AssumeRole without an ExternalId: the role may let in whoever shows none."""
    verdict = scripted(ScriptedSts(*before, refusal("AccessDenied", 403, f"User: x is not authorized {said}")))
    assert isinstance(verdict, OperatorRefused)
    assert f"Its own {kind} does not allow sts:AssumeRole" in verdict.explain()


def test_what_the_customers_side_forbids_is_the_roles_no() -> None:
    said = "User: x is not authorized with an explicit deny in a resource control policy"
    assert scripted(ScriptedSts(refusal("AccessDenied", 403, said))) == NotYetAssumable(PENDING.role_arn)


@pytest.mark.parametrize(
    "failure",
    [refusal("InvalidClientTokenId", 403), refusal("SignatureDoesNotMatch", 403), refusal("ExpiredToken", 400)],
    ids=str,
)
def test_refused_operators_are_told_apart(failure: ClientError) -> None:
    assert isinstance(scripted(ScriptedSts(failure)), OperatorRefused)


def test_an_operator_without_credentials_is_told_apart() -> None:
    verdict = scripted(ScriptedSts(NoCredentialsError()))
    assert isinstance(verdict, OperatorRefused)
    assert "AWS_PROFILE" in verdict.explain()


def test_a_request_without_account_is_not_probed() -> None:
    session: Any = ScriptedSession(ScriptedSts())
    incomplete: Any = SimpleNamespace(id="r", account_id=None, role_arn=None, external_id="")
    with pytest.raises(ValueError, match="no account id"):
        probe(session, incomplete)


def test_a_session_that_was_probed_with_is_not_kept(aws: AwsStandIn, customer: Customer) -> None:
    who = aws.session("999999999999")
    look(who, customer)
    gone = weakref.ref(who)
    del who
    gc.collect()
    assert gone() is None
