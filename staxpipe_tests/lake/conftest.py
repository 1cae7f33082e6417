"""A lake in a folder, registered in a fresh database."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from staxpipe.lake.table import Lake
from staxpipe.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(home=tmp_path / "home", database_url=SecretStr(database_url))


@pytest.fixture
def lake(settings: Settings, engine: Engine) -> Lake:
    return Lake.open(settings, engine)
