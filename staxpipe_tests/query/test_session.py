"""What a query must not be able to do, tried."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from staxpipe.errors import PermanentError
from staxpipe.lake.table import Lake
from staxpipe.query import Connection
from staxpipe.query.session import open_session
from staxpipe_tests.query.conftest import Loaded


@pytest.fixture
def a_lake_file(loaded: Loaded) -> Path:
    return Path(loaded.lake.plan()[0].path.removeprefix("file://"))


@pytest.mark.parametrize(
    "query",
    [
        "COPY line_items TO '{folder}/out.csv'",
        "EXPLAIN ANALYZE COPY line_items TO '{folder}/out.csv'",
        "WITH x AS (COPY line_items TO '{folder}/out.csv') SELECT 1",
        "EXPLAIN ANALYZE WITH x AS (COPY line_items TO '{folder}/out.csv') SELECT 1",
        "WITH x AS (COPY (SELECT 1 AS a) TO '{lake_file}' (USE_TMP_FILE false)) SELECT 1",
        "SELECT * FROM query('COPY line_items TO ''{folder}/out.csv''')",
        "WITH x AS (INSERT INTO daily_costs (period) VALUES ('x') RETURNING *) SELECT * FROM x",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA enable_profiling",
        "CREATE TABLE t AS SELECT 1",
        "CREATE SECRET (TYPE s3)",
        "DROP VIEW line_items",
        "DELETE FROM daily_costs",
        "PREPARE p AS SELECT 1",
        "CALL pragma_version()",
        "SELECT 1; DROP VIEW line_items",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('{folder}/secret.parquet')",
        "SELECT * FROM read_csv('https://example.com/x.csv')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT getenv('HOME')",
        "SELECT * FROM secret_of_the_caller",
    ],
)
def test_a_query_reads_the_lake_and_the_marts_and_does_nothing_else(
    query: str, connection: Connection, a_lake_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    secret_of_the_caller = pa.table({"secret": [1]})
    pq.write_table(secret_of_the_caller, folder / "secret.parquet")
    before = a_lake_file.read_bytes()
    quoted = str(a_lake_file).replace("'", "''")
    with pytest.raises(PermanentError):
        connection.sql(query.format(folder=folder, lake_file=quoted))
    assert [path.name for path in folder.iterdir()] == ["secret.parquet"]
    assert a_lake_file.read_bytes() == before
    assert secret_of_the_caller.num_rows == 1


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1",
        "  -- how many?\nSELECT count(*) FROM line_items;",
        "WITH x AS (SELECT * FROM line_items) SELECT count(*) FROM x",
        "FROM line_items LIMIT 1",
        "VALUES (1)",
        "TABLE daily_costs",
        "DESCRIBE line_items",
        "SUMMARIZE daily_costs",
        "SHOW TABLES",
        "EXPLAIN SELECT * FROM line_items",
        "EXPLAIN ANALYZE SELECT count(*) FROM line_items",
        "SELECT * FROM (PIVOT daily_costs ON period IN ('2018-10', '2018-11') USING sum(billed_cost))",
        "SELECT 'COPY INSERT DELETE' AS words",
        "SELECT * FROM query('SELECT 1')",
    ],
)
def test_every_kind_of_question_is_answered(query: str, connection: Connection) -> None:
    assert len(connection.sql(query)) >= 1


def test_a_sort_larger_than_memory_spills_into_a_folder_that_is_gone_afterwards(loaded: Loaded) -> None:
    query = "SELECT count(*) FROM (SELECT *, row_number() OVER (ORDER BY hash(i)) FROM range(400000) AS r(i))"
    with open_session(loaded.lake, loaded.engine, query) as session:
        spill = Path(str(session.sql("SELECT current_setting('temp_directory')").fetchall()[0][0]))
        assert session.sql(query).fetchall() == [(400_000,)]
    assert not spill.parent.exists()


def test_no_progress_is_drawn_into_an_answer(loaded: Loaded) -> None:
    with open_session(loaded.lake, loaded.engine, "SELECT * FROM line_items") as session:
        assert session.sql("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]


def test_only_marts_that_are_asked_for_are_copied(loaded: Loaded) -> None:
    for query, copied in (("SELECT 1", False), ("SELECT * FROM Daily_Costs", True)):
        with open_session(loaded.lake, loaded.engine, query) as session:
            ((count,),) = session.sql("SELECT count(*) FROM daily_costs").fetchall()
        assert bool(count) is copied


def test_the_lake_is_planned_only_for_queries_that_may_ask_it(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    concatenated = "SELECT * FROM query('SELECT count(*) FROM line' || '_items')"
    for query in ("SELECT count(*) FROM Line_Items", "SELECT count(*) FROM split_line_items", concatenated):
        with open_session(loaded.lake, loaded.engine, query) as session:
            ((count,),) = session.sql("SELECT count(*) FROM line_items").fetchall()
        assert count
    monkeypatch.delattr(Lake, "plan")
    with open_session(loaded.lake, loaded.engine, "SELECT * FROM daily_costs") as session:
        ((count,),) = session.sql("SELECT count(*) FROM daily_costs").fetchall()
    assert count
