"""Which rows of a month are different in two deliveries, and in which columns: in DuckDB, over the lake's files.

Rows have no key (AWS's line item ids are not one), so months are compared as multisets of rows, each row by a digest of
128 bits over all of its content: what is on both sides as often cancels out. Among the rows that are left, each
column's values are compared in the same way. Memory is bounded: DuckDB spills what is more into a temporary folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from staxpipe.db.journal import ServiceCost
from staxpipe.focus.columns import LINE_ITEM_COLUMNS, TEXT_MAP
from staxpipe.lake.table import Lake, PlannedFile
from staxpipe.query.storage import reach
from staxpipe.query.views import COUNTED, make_view, quoted

MEMORY = "1GiB"

NOT_CONTENT = {"x_DeliveryId", "x_ExportId"}
"""Columns that say where a row came from, not what was charged."""

_CONTENT = {
    # The order of a map's keys says nothing, and files of different formats have different ones.
    column.name: f'list_sort(map_entries("{column.name}"))' if column.type == TEXT_MAP else f'"{column.name}"'
    for column in LINE_ITEM_COLUMNS
    if column.name not in NOT_CONTENT
}
_CHARGE = (
    "SubAccountId",
    "ResourceId",
    "ServiceName",
    "RegionId",
    "SkuMeter",
    "x_Operation",
    "x_LineItemType",
    "ChargeCategory",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "CommitmentDiscountId",
    "x_SplitParentResourceId",
    "BillingCurrency",
)
"""What a row is charged for, as far as that is not corrected later: amounts, rates, tags and invoices are."""

_COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


@dataclass(frozen=True)
class ColumnChange:
    """A column whose values are not the same, and on how many rows at least."""

    name: str
    rows: int


@dataclass(frozen=True)
class RowChanges:
    """How the rows of two deliveries differ.

    `changed` rows charge for the same, as many of them before as after, and have other values in `columns` (none, where
    the same values stand in other combinations). `only_columns` says that nothing else is different: without these
    columns both deliveries are the same rows. Where both what is charged for and its cost are among them, the rows are
    others: they count as removed and added.
    """

    added: int
    removed: int
    changed: int
    columns: tuple[ColumnChange, ...]
    only_columns: bool

    @property
    def none(self) -> bool:
        """Whether both deliveries are the same rows."""
        return not (self.added or self.removed or self.changed)


NO_CHANGES = RowChanges(0, 0, 0, (), only_columns=True)


@dataclass(frozen=True)
class Compared:
    """What two deliveries came to by service, as the journal keeps it, and how their rows differ.

    Shares of split cost allocation are no part of what a delivery came to, but they are rows.
    """

    before: tuple[ServiceCost, ...]
    after: tuple[ServiceCost, ...]
    rows: RowChanges


def compare_files(lake: Lake, before: Sequence[PlannedFile], after: Sequence[PlannedFile], account: str) -> Compared:
    """Compare the rows of some files of the lake with those of others, exactly, as if all were one billing account's.

    Args:
        lake: where the files are.
        before: files of one billing account.
        after: the same, of that account or another.
        account: the account that rows of either are taken for; so are its own charges, among the sub-accounts'.
    """
    with tempfile.TemporaryDirectory(prefix="staxpipe-diff-") as scratch:
        session = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        )
        try:
            session.execute("SET TimeZone = 'UTC'")
            session.execute("SET enable_progress_bar = false")  # it would go into what a program reads
            session.execute("SET preserve_insertion_order = false")
            session.execute(f"SET memory_limit = {quoted(MEMORY)}")
            session.execute(f"SET temp_directory = {quoted(str(Path(scratch) / 'spill'))}")
            reach(session, lake, [*before, *after])
            one_schema = lake.has_one_schema()
            own = quoted(account)
            # An account without a name is called by its number.
            as_account = f"{own} AS BillingAccountId, " + ", ".join(
                f"CASE WHEN {column} = BillingAccountId THEN {own} ELSE {column} END AS {column}"
                for column in ("BillingAccountName", "SubAccountId", "SubAccountName")
            )
            for side, files in (("before", before), ("after", after)):
                make_view(session, f"{side}_files", files, one_schema)
                session.execute(f"CREATE VIEW {side} AS SELECT * REPLACE ({as_account}) FROM {side}_files")  # noqa: S608
            same = {file.path for file in before} == {file.path for file in after}
            rows = NO_CHANGES if same else _row_changes(session, Path(scratch))
            return Compared(_services(session, "before"), _services(session, "after"), rows)
        finally:
            session.close()


def _services(session: duckdb.DuckDBPyConnection, side: str) -> tuple[ServiceCost, ...]:
    rows = session.execute(
        "SELECT BillingAccountId, SubAccountId, ServiceName, ChargeCategory, BillingCurrency, "  # noqa: S608
        f"count(*), sum(BilledCost), sum(EffectiveCost) FROM {side} WHERE {COUNTED} GROUP BY ALL"
    ).fetchall()
    return tuple(ServiceCost(*row) for row in rows)


def _row_changes(session: duckdb.DuckDBPyConnection, scratch: Path) -> RowChanges:
    """How the rows of the view `before` became those of the view `after`."""
    digests = f"{_digest(_CONTENT)} AS digest, {_digest(_CHARGE)} AS charge"
    session.execute(
        "CREATE TABLE unbalanced AS SELECT digest, charge, sum(sign)::BIGINT AS n FROM "  # noqa: S608  # names of ours
        f"(SELECT {digests}, 1 AS sign FROM before UNION ALL SELECT {digests}, -1 FROM after) "
        "GROUP BY ALL HAVING n <> 0"
    )
    gone, new = _one(
        session, "SELECT coalesce(sum(n) FILTER (n > 0), 0), coalesce(-sum(n) FILTER (n < 0), 0) FROM unbalanced"
    )
    if not gone and not new:
        return NO_CHANGES
    # Copies of a row that are on both sides come along, and cancel out in every sum of signs.
    differing = quoted(str(scratch / "differing.parquet"))
    session.execute(
        f"COPY (SELECT * FROM (SELECT *, {digests}, 1 AS sign FROM before UNION ALL BY NAME "  # noqa: S608
        f"SELECT *, {digests}, -1 AS sign FROM after) SEMI JOIN unbalanced USING (digest)) "
        f"TO {differing} (FORMAT parquet)"
    )
    session.execute(f"CREATE VIEW differing AS SELECT * FROM read_parquet({differing})")  # noqa: S608
    columns = _columns(session, "differing")
    if _only(session, {column.name for column in columns}):
        return RowChanges(0, 0, gone, columns, only_columns=True)
    session.execute(
        "CREATE TABLE same_charge AS SELECT charge, sum(n) FILTER (n > 0) AS changed FROM unbalanced "
        "GROUP BY charge HAVING sum(n) = 0"
    )
    (changed,) = _one(session, "SELECT coalesce(sum(changed), 0) FROM same_charge")
    session.execute("CREATE VIEW corrected AS SELECT * FROM differing SEMI JOIN same_charge USING (charge)")
    return RowChanges(new - changed, gone - changed, changed, _columns(session, "corrected"), only_columns=False)


def _columns(session: duckdb.DuckDBPyConnection, view: str) -> tuple[ColumnChange, ...]:
    """The columns of a view whose values are not the same on both sides, in their order."""
    found = []
    for name, value in _CONTENT.items():
        (rows,) = _one(
            session,
            "SELECT coalesce(greatest(sum(n) FILTER (n > 0), -sum(n) FILTER (n < 0)), 0) FROM "  # noqa: S608
            f"(SELECT sum(sign) AS n FROM {view} GROUP BY {value})",
        )
        found.append(ColumnChange(name, rows))
    return tuple(column for column in found if column.rows)


def _only(session: duckdb.DuckDBPyConnection, names: set[str]) -> bool:
    """Whether the rows that differ are the same charges but for these columns."""
    rest = [name for name in _CONTENT if name not in names]
    if not rest or (not names.isdisjoint(_COSTS) and not names.isdisjoint(_CHARGE)):
        return False
    unequal = f"SELECT 1 FROM differing GROUP BY {_digest(rest)} HAVING sum(sign) <> 0"  # noqa: S608
    return _one(session, f"SELECT count(*) FROM ({unequal})") == (0,)  # noqa: S608


def _digest(columns: Iterable[str]) -> str:
    """SQL for a digest of a row's values; a struct's text is unambiguous, and exact for decimals."""
    return f"md5_number(row({', '.join(_CONTENT[name] for name in columns)})::VARCHAR)"


def _one(session: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = session.execute(query).fetchone()
    assert row is not None  # noqa: S101  # aggregates always answer with a row
    return tuple(int(value) for value in row)
