"""The ledger: the deliveries of exports, and what became of each. Dagster's own records are never asked.

Queries only; each takes a Connection whose transaction the caller owns. Rules live in the tables' constraints
and in `staxpipe.ingest`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.delivery_json import from_json, to_json
from staxpipe.db.tables import deliveries, exports, links
from staxpipe.model import (
    BillingPeriod,
    Delivery,
    DeliveryState,
    Export,
    ExportKind,
    LinkState,
)
from staxpipe.model import account_id as parse_account_id

PENDING = (DeliveryState.DISCOVERED, DeliveryState.LANDED, DeliveryState.COMMITTED)
"""States that still lead to LOADED by themselves."""


@dataclass(frozen=True)
class LedgerEntry:
    """One delivery as the ledger knows it: its row id, its state, and the Delivery value itself."""

    id: int
    export_id: int
    link_id: str | None
    account_id: str | None
    state: DeliveryState
    attempts: int
    error: str | None
    delivery: Delivery
    retry_at: datetime | None = None

    @property
    def period(self) -> BillingPeriod:
        """The month it restates."""
        return self.delivery.period


def record_delivery(
    connection: Connection, export_id: int, account_id: str | None, delivery: Delivery, error: str | None = None
) -> bool:
    """Add a delivery that was seen; returns False when the ledger has it already.

    A newer delivery makes older ones superfluous that nothing of is in the lake; one that is committed still
    publishes itself. An older one that arrives late is recorded as superseded: it never replaces newer data. With
    `error` the delivery is recorded as failed, since it cannot be loaded as it is, and makes nothing superfluous.
    """
    newer = connection.execute(
        select(deliveries.c.id)
        .where(_same_month(export_id, delivery.period), deliveries.c.delivered_at > delivery.delivered_at)
        .where(deliveries.c.state != DeliveryState.FAILED)
        .limit(1)
    ).first()
    state = DeliveryState.SUPERSEDED if newer else DeliveryState.FAILED if error else DeliveryState.DISCOVERED
    added = connection.execute(
        upsert(deliveries)
        .values(
            export_id=export_id,
            account_id=account_id,
            period=str(delivery.period),
            delivery_id=delivery.delivery_id,
            manifest_key=delivery.manifest.key if delivery.manifest else None,
            manifest_etag=delivery.manifest.etag if delivery.manifest else None,
            delivered_at=delivery.delivered_at,
            manifest=to_json(delivery),
            files=len(delivery.files),
            bytes=sum(file.size for file in delivery.files),
            state=state,
            error=error,
        )
        .on_conflict_do_nothing(constraint="uq_deliveries_once")
        .returning(deliveries.c.id)
    ).scalar_one_or_none()
    if added is None:
        return not error and _seen_again(connection, export_id, delivery)
    if not newer and not error:
        connection.execute(
            update(deliveries)
            .where(_same_month(export_id, delivery.period), deliveries.c.id != added)
            .where(deliveries.c.state.in_([DeliveryState.DISCOVERED, DeliveryState.LANDED, DeliveryState.FAILED]))
            .values(state=DeliveryState.SUPERSEDED)
        )
    return True


def _seen_again(connection: Connection, export_id: int, delivery: Delivery) -> bool:
    """A known delivery whose files were looked at again; returns whether it can be loaded only now.

    A file that was missing may have come, or files may have been written again under the same assemblyId (by a
    replication, say), which gives them new ETags.
    """
    values = {
        "manifest": to_json(delivery),
        "files": len(delivery.files),
        "bytes": sum(file.size for file in delivery.files),
    }
    known = (_same_month(export_id, delivery.period), deliveries.c.delivery_id == delivery.delivery_id)
    waits = update(deliveries).where(*known, deliveries.c.state == DeliveryState.DISCOVERED)
    connection.execute(waits.values(values))
    lacked = update(deliveries).where(*known, deliveries.c.state == DeliveryState.FAILED, deliveries.c.files == 0)
    changed = connection.execute(lacked.values({**values, "state": DeliveryState.DISCOVERED, "error": None}))
    return changed.rowcount > 0


def known_manifests(connection: Connection, link_id: str) -> dict[str, str]:
    """Manifest key → ETag of every delivery of a link, so that an unchanged manifest is not read again."""
    rows = connection.execute(
        select(deliveries.c.manifest_key, deliveries.c.manifest_etag)
        .join(exports, exports.c.id == deliveries.c.export_id)
        .where(exports.c.link_id == link_id, deliveries.c.manifest_key.is_not(None))
        .where(deliveries.c.files > 0)  # one that lacked a file is looked at again: the file may come late
        # and so is one that could not be copied: its files may have been written again
        .where(or_(deliveries.c.state != DeliveryState.DISCOVERED, deliveries.c.error.is_(None)))
        .order_by(deliveries.c.id)  # of one overwritten key the newest ETag stays
    )
    return {row.manifest_key: row.manifest_etag for row in rows}


def entry(connection: Connection, delivery: int) -> LedgerEntry:
    """One delivery by its row id; raises NoResultFound for an unknown one."""
    return _entry(connection.execute(_entries().where(deliveries.c.id == delivery)).one())


def known(connection: Connection, delivery: int) -> LedgerEntry | None:
    """One delivery by its row id, if it is still there."""
    row = connection.execute(_entries().where(deliveries.c.id == delivery)).first()
    return None if row is None else _entry(row)


def find(connection: Connection, export_id: int, delivery: Delivery) -> LedgerEntry:
    """The ledger's entry of a delivery that was recorded; raises NoResultFound otherwise."""
    return _entry(
        connection.execute(
            _entries().where(_same_month(export_id, delivery.period), deliveries.c.delivery_id == delivery.delivery_id)
        ).one()
    )


def newest(connection: Connection, account_id: str, period: BillingPeriod) -> list[LedgerEntry]:
    """The newest delivery that has its files, of each export of an account's active links, whatever its state."""
    rows = connection.execute(
        _entries()
        .where(deliveries.c.id.in_(_newest_ids(account_id, period, deliveries.c.files > 0)))
        .order_by(deliveries.c.id)
    )
    return [_entry(row) for row in rows]


def incomplete(connection: Connection, account_id: str, period: BillingPeriod) -> list[LedgerEntry]:
    """Of each export, the newest delivery where that one lacks a file."""
    newest_ids = _newest_ids(account_id, period, deliveries.c.state != DeliveryState.SUPERSEDED)
    rows = connection.execute(_entries().where(deliveries.c.id.in_(newest_ids), deliveries.c.files == 0))
    return [_entry(row) for row in rows]


def _newest_ids(account_id: str, period: BillingPeriod, having: ColumnElement[bool]) -> Any:
    return (
        select(deliveries.c.id)
        .ext(distinct_on(deliveries.c.export_id))
        .join(exports, exports.c.id == deliveries.c.export_id)
        .join(links, links.c.id == exports.c.link_id)
        .where(deliveries.c.account_id == account_id, deliveries.c.period == str(period), having)
        .where(links.c.state == LinkState.ACTIVE)
        .order_by(deliveries.c.export_id, deliveries.c.delivered_at.desc(), deliveries.c.id.desc())
    )


def due(connection: Connection, now: datetime) -> list[LedgerEntry]:
    """Every pending delivery of an active link that may be worked on now, oldest discovery first."""
    statement = (
        _entries()
        .join(links, links.c.id == exports.c.link_id)
        .where(deliveries.c.state.in_(PENDING), links.c.state == LinkState.ACTIVE)
        .where(or_(deliveries.c.retry_at.is_(None), deliveries.c.retry_at <= now))
        .order_by(deliveries.c.attempts, deliveries.c.id)
    )
    return [_entry(row) for row in connection.execute(statement)]


def unpublished_of_unlinked(connection: Connection) -> list[LedgerEntry]:
    """Deliveries that are in the lake, and were not published before a person stopped or ended their link."""
    statement = (
        _entries()
        .join(links, links.c.id == exports.c.link_id)
        .where(deliveries.c.state == DeliveryState.COMMITTED)
        .where(or_(links.c.state == LinkState.ENDED, links.c.stopped_at.is_not(None)))
        .order_by(deliveries.c.id)
    )
    return [_entry(row) for row in connection.execute(statement)]


def has_any(connection: Connection, account_id: str) -> bool:
    """Whether anything is known of what an account's bucket delivered."""
    return bool(connection.execute(select(exists().where(deliveries.c.account_id == account_id))).scalar_one())


def count_attempt(connection: Connection, delivery: int, retry_at: datetime) -> None:
    """One more run was requested for a delivery; if nothing comes of it, the next is not before `retry_at`."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery)
        .values(attempts=deliveries.c.attempts + 1, retry_at=retry_at)
    )


def assign_run(connection: Connection, pinned: Iterable[int], run_id: str) -> None:
    """These deliveries are what the run works on; a failed one gets another chance."""
    ids = list(pinned)
    connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(run_id=run_id))
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(ids), deliveries.c.state == DeliveryState.FAILED)
        .values(state=DeliveryState.DISCOVERED, error=None, retry_at=None)
    )


def of_run(connection: Connection, run_id: str, period: BillingPeriod) -> list[LedgerEntry]:
    """The deliveries that a run pinned for a month."""
    rows = connection.execute(
        _entries().where(deliveries.c.run_id == run_id, deliveries.c.period == str(period)).order_by(deliveries.c.id)
    )
    return [_entry(row) for row in rows]


def mark(connection: Connection, delivery: int, state: DeliveryState, **values: object) -> None:
    """Move a delivery to a state, with the columns that belong to it."""
    connection.execute(update(deliveries).where(deliveries.c.id == delivery).values(state=state, **values))


def mark_failed(connection: Connection, delivery: int, error: str) -> None:
    """A permanent failure, in words. What readers see stays loaded, also where loading it again failed."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery)
        .values(
            state=case((deliveries.c.state == DeliveryState.LOADED, deliveries.c.state), else_=DeliveryState.FAILED),
            error=error,
            retry_at=None,
        )
    )


def postpone(connection: Connection, delivery: int, error: str, until: datetime) -> None:
    """A transient failure: the state stays, the words are kept, nobody asks again before `until`."""
    connection.execute(update(deliveries).where(deliveries.c.id == delivery).values(error=error, retry_at=until))


def supersede_others(connection: Connection, entry: LedgerEntry) -> list[int]:
    """The month's loaded delivery, and older ones that wait, give way to one that is published; returns their ids."""
    others = connection.execute(
        update(deliveries)
        .where(_same_month(entry.export_id, entry.period), deliveries.c.id != entry.id)
        .where(
            or_(
                deliveries.c.state == DeliveryState.LOADED,
                and_(deliveries.c.state.in_(PENDING), deliveries.c.delivered_at <= entry.delivery.delivered_at),
            )
        )
        .values(state=DeliveryState.SUPERSEDED)
        .returning(deliveries.c.id)
    )
    return list(others.scalars())


def rows_loaded(connection: Connection, export_id: int, period: BillingPeriod) -> int:
    """How many rows readers see of an export's month."""
    rows = connection.execute(
        select(deliveries.c.rows_written).where(
            _same_month(export_id, period), deliveries.c.state == DeliveryState.LOADED
        )
    ).scalar_one_or_none()
    return rows or 0


def loaded(connection: Connection, export_id: int, period: BillingPeriod) -> str | None:
    """The id of the delivery that readers see of an export's month."""
    return connection.execute(
        select(deliveries.c.delivery_id).where(
            _same_month(export_id, period), deliveries.c.state == DeliveryState.LOADED
        )
    ).scalar_one_or_none()


def has_loaded(connection: Connection, export_id: int, period: BillingPeriod) -> bool:
    """Whether readers can see some delivery of the export's month."""
    return bool(
        connection.execute(
            select(exists().where(_same_month(export_id, period), deliveries.c.state == DeliveryState.LOADED))
        ).scalar_one()
    )


def _same_month(export_id: int, period: BillingPeriod) -> ColumnElement[bool]:
    return and_(deliveries.c.export_id == export_id, deliveries.c.period == str(period))


def _entries() -> Any:
    return select(
        deliveries, exports.c.source, exports.c.name, exports.c.kind, exports.c.owner, exports.c.link_id
    ).join(exports, exports.c.id == deliveries.c.export_id)


def _entry(row: Row[Any]) -> LedgerEntry:
    owner = parse_account_id(row.owner) if row.owner else None
    export = Export(row.source, row.name, ExportKind(row.kind), owner)
    return LedgerEntry(
        id=row.id,
        export_id=row.export_id,
        link_id=row.link_id,
        account_id=row.account_id,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        error=row.error,
        retry_at=row.retry_at,
        delivery=from_json(row.manifest, export, BillingPeriod.parse(row.period), row.delivery_id, row.delivered_at),
    )
