"""The stand-in starts, is real enough to be worth asking, and ends with its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from staxpipe.errors import PermanentError
from staxpipe.local import aws_stand_in
from staxpipe.local.aws_stand_in import AwsStandIn


def answers(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((str(parts.hostname), int(parts.port or 0))) == 0


def test_it_serves_accounts_apart_and_ends() -> None:
    with AwsStandIn() as aws:
        url = aws.endpoint_url
        one, two = aws.session("123456789012"), aws.session("210987654321")
        assert one.client("sts").get_caller_identity()["Account"] == "123456789012"
        one.client("s3").create_bucket(Bucket="of-one")
        assert [bucket["Name"] for bucket in one.client("s3").list_buckets()["Buckets"]] == ["of-one"]
        assert two.client("s3").list_buckets()["Buckets"] == []
    assert not answers(url)


def test_what_it_keeps_is_in_a_folder_that_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with AwsStandIn() as aws:
        aws.session("123456789012").client("cognito-idp").list_user_pools(MaxResults=1)
        assert [path.name for path in tmp_path.glob("*/state/*.pem")] == ["cognito-rsa-key.pem"]
    assert list(tmp_path.iterdir()) == []


def test_it_checks_signatures() -> None:
    with AwsStandIn() as aws:
        forged = replace(aws.create_operator("123456789012"), secret_access_key="guessed")
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            aws.session(forged).client("s3").list_buckets()


def test_an_operator_may_assume_link_roles_and_nothing_else() -> None:
    with AwsStandIn() as aws:
        operator = aws.session(aws.create_operator("111111111111"))
        assert operator.client("sts").get_caller_identity()["Arn"] == "arn:aws:iam::111111111111:user/staxpipe"
        with pytest.raises(ClientError, match="AccessDenied"):
            operator.client("s3").list_buckets()


def test_it_ends_with_a_parent_that_is_killed() -> None:
    script = (
        "import time; from staxpipe.local.aws_stand_in import AwsStandIn; aws = AwsStandIn(); aws.start();"
        "print(aws.endpoint_url, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert answers(url)
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while answers(url) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not answers(url)


def test_without_the_demo_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_found(name: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr(aws_stand_in, "find_spec", nothing_found)
    with pytest.raises(PermanentError, match=r"staxpipe\[demo\]"):
        AwsStandIn().start()


@pytest.mark.long
def test_a_start_that_fails_tells_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(aws_stand_in, "_free_port", lambda: port)
        with pytest.raises(PermanentError, match="already in use"):
            AwsStandIn().start()
