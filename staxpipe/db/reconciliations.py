"""The reconciliation ledger's lines and identities of a delivery.

Queries only; each takes a Connection whose transaction the caller owns. What the numbers must satisfy is decided in
`staxpipe.focus.identities` and `.reconciliation`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import deliveries, delivery_identities, delivery_sums, reconciliations
from staxpipe.focus.identities import Identity, IdentityName, Reason
from staxpipe.focus.reconciliation import LedgerLine
from staxpipe.model import Badge, DeliveryState


def replace_reconciliation(
    connection: Connection, delivery: int, lines: Iterable[LedgerLine], compared: Iterable[Identity]
) -> None:
    """Write a delivery's lines and identities; what an earlier attempt wrote about it is replaced."""
    for table in (delivery_identities, reconciliations):
        connection.execute(delete(table).where(table.c.delivery == delivery))
    values = [{"delivery": delivery, **asdict(line)} for line in lines]
    if values:
        connection.execute(insert(reconciliations), values)
    for identity in compared:
        put_identity(connection, delivery, identity)


def put_identity(connection: Connection, delivery: int, identity: Identity) -> None:
    """Write one identity in the place of what was known of it."""
    values = {
        "left_side": identity.left,
        "right_side": identity.right,
        "holds": identity.holds,
        "reason": identity.reason,
    }
    connection.execute(
        upsert(delivery_identities)
        .values(
            delivery=delivery,
            billing_account_id=identity.billing_account_id,
            currency=identity.currency,
            identity=identity.name,
            **values,
        )
        .on_conflict_do_update(constraint=delivery_identities.primary_key, set_=values)
    )


def put_marts_cost(connection: Connection, delivery: int, account: str, currency: str, cost: Decimal) -> None:
    """Note what the marts come to on a line."""
    of = reconciliations.c
    connection.execute(
        update(reconciliations)
        .where(of.delivery == delivery, of.billing_account_id == account, of.currency == currency)
        .values(marts_cost=cost)
    )


def lines_of(connection: Connection, delivery: int) -> list[LedgerLine]:
    """A delivery's lines, by account and currency."""
    return _lines(connection, reconciliations.c.delivery == delivery).get(delivery, [])


def loaded_lines(connection: Connection) -> dict[int, list[LedgerLine]]:
    """The lines of every delivery that readers see, by delivery."""
    loaded = select(deliveries.c.id).where(deliveries.c.state == DeliveryState.LOADED)
    return _lines(connection, reconciliations.c.delivery.in_(loaded))


def _lines(connection: Connection, wanted: ColumnElement[bool]) -> dict[int, list[LedgerLine]]:
    of = reconciliations.c
    rows = connection.execute(
        select(reconciliations).where(wanted).order_by(of.delivery, of.billing_account_id, of.currency)
    ).mappings()
    found: dict[int, list[LedgerLine]] = defaultdict(list)
    for row in rows:
        found[row["delivery"]].append(
            LedgerLine(
                **{name: value for name, value in row.items() if name not in {"delivery", "badge", "reason"}},
                badge=Badge(row["badge"]),
                reason=Reason(row["reason"]) if row["reason"] else None,
            )
        )
    return found


def identities_of(connection: Connection, delivery: int) -> list[Identity]:
    """A delivery's identities, by account, currency and name."""
    of = delivery_identities.c
    rows = connection.execute(
        select(delivery_identities)
        .where(of.delivery == delivery)
        .order_by(of.billing_account_id, of.currency, of.identity)
    )
    return [
        Identity(
            row.billing_account_id,
            row.currency,
            IdentityName(row.identity),
            row.left_side,
            row.right_side,
            row.holds,
            Reason(row.reason) if row.reason else None,
        )
        for row in rows
    ]


def outcomes_of(connection: Connection, delivery: int) -> dict[str, int]:
    """How many of a delivery's source rows had which outcome: every row that was read has one."""
    of = delivery_sums.c
    rows = connection.execute(
        select(of.outcome, func.sum(of.rows)).where(of.delivery == delivery, of.side == "source").group_by(of.outcome)
    )
    return {outcome: int(count) for outcome, count in rows}
