"""A lake in a folder, registered in a fresh database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from staxpipe.lake.table import Lake
from staxpipe.settings import Settings, read_settings


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return read_settings({"home": tmp_path / "home", "database_url": database_url})


@pytest.fixture
def lake(settings: Settings, engine: Engine) -> Lake:
    return Lake.open(settings, engine)
