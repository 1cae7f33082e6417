"""A demo that touches nobody's settings, credentials or data: its own settings, environment and folder."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from staxpipe.demo.world import REGION, Cloud
from staxpipe.errors import PermanentError
from staxpipe.local.lock import private_folder, write_private
from staxpipe.settings import Settings, read_settings

_FOREIGN = ("STAXPIPE_", "AWS_", "DAGSTER_")
VARIABLES = "variables.sh"
"""The file in the demo's folder with what its programs are told."""
_PROXY_EXCEPTIONS = "127.0.0.1,localhost"
_LONGEST_FOLDER_OF_SOCKETS = 80
"""A socket's whole path may have about a hundred bytes."""


@contextmanager
def own_environment() -> Iterator[None]:
    """Hide the settings and AWS credentials of whoever runs the demo, and keep proxies out of the way."""
    kept = dict(os.environ)
    for name in kept:
        if name.startswith(_FOREIGN):
            del os.environ[name]
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (kept.get(name), _PROXY_EXCEPTIONS)))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


@contextmanager
def own_folder(home: Path | None) -> Iterator[Path]:
    """The folder that holds the demo's state: a fresh one that is removed after success, or the one asked for.

    Raises:
        PermanentError: the folder asked for holds something already.
    """
    if home is not None:
        folder = home.expanduser().absolute()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise PermanentError(
                f"{folder} is not an empty folder. A demo starts from nothing: choose another, or leave --home away."
            )
        yield folder
        return
    folder = Path(tempfile.mkdtemp(prefix="staxpipe-demo-"))
    try:
        yield folder  # kept when something fails: the logs are in it
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def demo_settings(home: Path, cloud: Cloud, smtp_url: str) -> Settings:
    """Everything by default but what makes a demo short, and free ports."""
    return read_settings(
        {
            "home": home,
            "web_port": 0,
            "dagster_port": 0,
            "postgres_port": 0,
            "region": REGION,
            "operator_role_arn": cloud.operator.arn,
            "smtp_url": SecretStr(smtp_url),
            "mail_from": "staxpipe <staxpipe@operator.example>",
            "operator_email": "operator@operator.example",
            "sensor_seconds": 2,
            "discovery_minutes": 0,
        }
    )


def variables(settings: Settings, cloud: Cloud) -> Mapping[str, str]:
    """What staxpipe's programs are told beside the addresses that the runtime chooses."""
    chosen = {name: getattr(settings, name) for name in settings.model_fields_set - {"home"}}
    ports = {"web_port", "dagster_port", "postgres_port"}
    told = {
        f"STAXPIPE_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in chosen.items()
        if name not in ports
    }
    return {**told, **_temporary_files(settings.home), **cloud.stand_in.environment(cloud.operator)}


def keep_variables(settings: Settings, told: Mapping[str, str]) -> None:
    """Write down for a shell what programs are told, for commands that a person tries while the demo is up.

    Args:
        settings: of the demo that runs: where its state is, and its addresses.
        told: what `variables` gave.
    """
    where = {
        "STAXPIPE_HOME": str(settings.home),
        "STAXPIPE_WEB_PORT": str(settings.web_port),
        "STAXPIPE_DAGSTER_PORT": str(settings.dagster_port),
    }
    shown = {name: value for name, value in {**told, **where}.items() if name != "TMPDIR"}
    lines = [f"export {name}={shlex.quote(shown[name])}\n" for name in sorted(shown)]
    write_private(settings.home / VARIABLES, "".join(lines))


def _temporary_files(home: Path) -> dict[str, str]:
    """Let programs leave theirs in the demo's folder: Dagster, when stopped, leaves a socket behind."""
    folder = home / "tmp"
    if len(os.fsencode(folder)) > _LONGEST_FOLDER_OF_SOCKETS:
        return {}
    return {"TMPDIR": str(private_folder(folder))}
