"""The same lake in S3: written, replaced, asked and exported by the same code."""

from __future__ import annotations

import secrets
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine

from staxpipe.errors import PermanentError
from staxpipe.lake import writer as writer_module
from staxpipe.lake.table import Lake
from staxpipe.local.aws_stand_in import AwsStandIn
from staxpipe.query import connect
from staxpipe.settings import Settings, read_settings
from staxpipe_tests.aws_stand_in import *  # noqa: F403  # its fixtures
from staxpipe_tests.lake.line_item_batches import OCTOBER, PAYER, costs
from staxpipe_tests.query.conftest import load_everything, publish


@pytest.fixture
def settings(aws: AwsStandIn, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    bucket = f"lake-{secrets.token_hex(4)}"
    aws.session(PAYER).client("s3").create_bucket(Bucket=bucket)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", PAYER)  # the stand-in takes it for that account's root
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return read_settings({"home": tmp_path, "database_url": database_url, "lake_url": f"s3://{bucket}/lake"})


def test_a_lake_in_s3_is_written_asked_and_exported(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    lake = Lake.open(settings, engine)
    load_everything(engine, lake)
    assert all(file.path.startswith(settings.lake) for file in lake.plan())
    with connect(settings) as connection:
        total = connection.arrow("SELECT sum(BilledCost) AS billed FROM line_items").to_pylist()
        assert total == [{"billed": Decimal("80.000000000000000001")}]
        publish(engine, lake, "first", OCTOBER, lambda id_: [costs(10, "7", export_id=id_)])
        answer = connection.sql("SELECT sum(BilledCost) AS billed FROM line_items", period="2018-10")
        assert answer["billed"].tolist() == [70.0]
        connection.export(PAYER, "2018-10", tmp_path / "out.parquet")
        assert pq.read_metadata(tmp_path / "out.parquet").num_rows == 10
        other = lake.plan()[0].path.replace("/data/", "/metadata/")
        with pytest.raises(PermanentError, match="Cannot access file"):
            connection.sql(f"SELECT * FROM read_text('{other}')")


def test_files_of_a_broken_load_are_removed_from_s3_too(
    settings: Settings, engine: Engine, aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "ROW_GROUP_ROWS", 1)
    lake = Lake.open(settings, engine)

    def breaks() -> None:
        with lake.writer(1, OCTOBER, "d1") as writer:
            writer.write(costs(1))  # is encoded at once
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        breaks()
    bucket = settings.lake.removeprefix("s3://").split("/")[0]
    keys = aws.session(PAYER).client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    assert [stored["Key"] for stored in keys if stored["Key"].endswith(".parquet")] == []
