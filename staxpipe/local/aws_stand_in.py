"""A small AWS on this machine for the demo and the tests: MiniStack, with IAM really enforced.

It runs as a child process on loopback, keeps everything in memory and ends with its parent. What is put
into it (accounts' buckets, stacks, reports) is its users' business.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import boto3

from staxpipe.errors import PermanentError

_START_SECONDS = 60.0  # it takes half a second; a busy machine may take much longer
_PORT_ATTEMPTS = 3


@dataclass(frozen=True)
class StandInCredentials:
    """A principal of the stand-in: its ARN, and the key by which it signs."""

    arn: str
    access_key_id: str
    secret_access_key: str


class AwsStandIn:
    """A running stand-in, as a context manager.

    An access key of 12 digits is that account's root; accounts need no creation. `start` it in the process that
    needs it: when that process dies, however it dies, the stand-in ends too.
    `program` is what Python runs for it, which ends in `serve`; a test may do more before that.
    """

    def __init__(
        self, region: str = "us-east-1", program: Sequence[str] = ("-m", "staxpipe.local.aws_stand_in")
    ) -> None:
        self._region = region
        self._program = program
        self._secret = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def endpoint_url(self) -> str:
        """What AWS_ENDPOINT_URL must say."""
        if self._process is None:
            raise RuntimeError("the AWS stand-in is not running")
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            PermanentError: MiniStack is not installed, or it does not start.
        """
        if find_spec("ministack") is None:
            raise PermanentError(
                "The AWS stand-in needs the package `ministack`, which is part of staxpipe's demo extra: "
                "pip install 'staxpipe[demo]'."
            )
        self._folder = tempfile.TemporaryDirectory(prefix="staxpipe-aws-", ignore_cleanup_errors=True)
        log = Path(self._folder.name) / "ministack.log"
        for _ in range(_PORT_ATTEMPTS):
            self._port = _free_port()
            self._process = self._spawn(log)
            if self._wait_until_healthy():
                return
            self._end_process()  # somebody else took the port in between, or it failed for good
        tail = log.read_text(errors="replace")[-1500:]
        self.stop()
        raise PermanentError(f"The AWS stand-in (MiniStack) did not start. It said:\n{tail}")

    def stop(self) -> None:
        """End it; everything in it is gone."""
        self._end_process()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def root(self, account_id: str) -> StandInCredentials:
        """An account's root user."""
        return StandInCredentials(f"arn:aws:iam::{account_id}:root", account_id, self._secret)

    def session(self, account: str | StandInCredentials, region: str | None = None) -> boto3.Session:
        """A session of an account's root, or of a principal; it talks to the stand-in whatever the environment says."""
        who = self.root(account) if isinstance(account, str) else account
        return _PinnedSession(
            self.endpoint_url,
            aws_access_key_id=who.access_key_id,
            aws_secret_access_key=who.secret_access_key,
            region_name=region or self._region,
        )

    def environment(self, account: str | StandInCredentials) -> dict[str, str]:
        """The variables by which a process becomes this principal, and cannot reach the real AWS by accident."""
        who = self.root(account) if isinstance(account, str) else account
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": who.access_key_id,
            "AWS_SECRET_ACCESS_KEY": who.secret_access_key,
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def create_operator(self, account_id: str, name: str = "staxpipe") -> StandInCredentials:
        """A user as whom staxpipe can run: all that it may do is to assume link roles, in any account."""
        iam = self.session(account_id).client("iam")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/staxpipe-link-*"}
            ],
        }
        iam.put_user_policy(UserName=name, PolicyName="assume-link-roles", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return StandInCredentials(arn, key["AccessKeyId"], key["SecretAccessKey"])

    def _spawn(self, log: Path) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "TMPDIR": str(log.parent),
            "STATE_DIR": str(log.parent / "state"),  # it keeps a key there, wherever we tell it to
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_REGION": self._region,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "LOG_LEVEL": "WARNING",
            "IOT_MTLS_ENABLED": "0",  # these two would listen on ports of their own
            "SFTP_ENABLED": "0",
        }
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, *self._program],
                env=environment,
                stdin=subprocess.PIPE,  # held open by this process alone: its end is how the child sees ours
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _wait_until_healthy(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        process = self._process
        while process is not None and process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.endpoint_url}/_ministack/health", timeout=1):  # noqa: S310 - loopback
                    return process.poll() is None
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        return False

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()


class _PinnedSession(boto3.Session):
    """A session whose clients all talk to one endpoint."""

    def __init__(self, endpoint_url: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._endpoint_url = endpoint_url

    def client(self, *arguments: Any, **keywords: Any) -> Any:
        """A client of the stand-in."""
        keywords.setdefault("endpoint_url", self._endpoint_url)
        return super().client(*arguments, **keywords)

    def resource(self, *arguments: Any, **keywords: Any) -> Any:
        """A resource of the stand-in."""
        keywords.setdefault("endpoint_url", self._endpoint_url)
        return super().resource(*arguments, **keywords)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve() -> None:
    """Run MiniStack in this process until the parent closes our standard input, which its death does too."""

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    from ministack.app import main

    sys.argv = ["ministack"]
    main()


if __name__ == "__main__":
    serve()
