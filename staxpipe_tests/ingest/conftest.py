"""Generated reports, and a platform to load them into."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from staxpipe.ingest.platform import Platform
from staxpipe.settings import read_settings
from staxpipe_tests.generated import bucket_folder, deliver_month

__all__ = ["bucket_folder", "deliver_month"]


@pytest.fixture
def platform(engine: Engine, tmp_path: Path) -> Platform:
    """Lake and landing in a temporary folder, metadata and marts in a fresh database."""
    return Platform.open(read_settings({"home": tmp_path / "home", "operator_email": "ops@example.com"}), engine)
