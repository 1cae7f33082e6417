"""What is a link's alone, and so goes with it: decided once, and kept in the receipt."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select, update

from staxpipe.db import links
from staxpipe.db.deletion_receipts import DeletionReceipt
from staxpipe.db.exports import by_source
from staxpipe.db.links import Link
from staxpipe.db.tables import deliveries, exports, period_sources
from staxpipe.model import LinkState


@dataclass(frozen=True)
class Scope:
    """What is deleted with a link.

    `exports` are numbers of the ledger and `sources` their addresses; `handed_over` are addresses of exports that stay,
    since another link feeds them. `months` are the billing accounts and months that were counted from these exports.
    `alone`: the account has no other link that goes on or whose data was kept, so what is noted of the account as a
    whole goes too.
    """

    link_id: str
    request_id: str
    account_id: str
    decided_at: str
    exports: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    handed_over: tuple[str, ...] = ()
    months: tuple[tuple[str, str], ...] = ()
    alone: bool = True

    def as_json(self) -> dict[str, object]:
        """As the receipt keeps it."""
        return asdict(self)

    @classmethod
    def of(cls, receipt: DeletionReceipt) -> Scope | None:
        """The scope that a receipt keeps; None where it is not decided yet."""
        if receipt.scope is None:
            return None
        kept = dict(receipt.scope)
        lists = {name: tuple(kept[name]) for name in ("exports", "sources", "handed_over")}
        return cls(**kept | lists | {"months": tuple((account, period) for account, period in kept["months"])})


def feeds(link: Link, source: str) -> bool:
    """Whether a link reads the export that is delivered at an address, or a part of it."""
    place = f"s3://{link.bucket}/{link.prefix}".rstrip("/")
    return f"{source}/".startswith(f"{place}/") or f"{place}/".startswith(f"{source}/")


def may_inherit(other: Link, link: Link, source: str) -> bool:
    """Whether what a link has loaded of an export is `other`'s too, and so stays.

    Anybody may ask for a link that names this bucket. So another account's has to have listed it, as its own role may.
    """
    return feeds(other, source) and (other.account_id == link.account_id or other.discovered_at is not None)


def has_data(connection: Connection, link_id: str) -> bool:
    """Whether the ledger has an export that came by the link, and that no other link reads."""
    return bool(connection.execute(select(exists().where(exports.c.link_id == link_id))).scalar_one())


def decide_scope(connection: Connection, link: Link, now: datetime) -> Scope:
    """Find what is the link's alone, and give what another link feeds to that one.

    The exports are locked until the caller's transaction ends: until then no other link can take one over.
    """
    others = [other for other in links.unended(connection) if other.id != link.id]
    siblings = [other for other in links.of_account(connection, link.account_id) if other.id != link.id]
    mine = connection.execute(
        select(exports.c.id, exports.c.source)
        .where(exports.c.link_id == link.id)
        .order_by(by_source())
        .with_for_update()
    ).all()
    heirs = {
        export.id: next((other for other in others if may_inherit(other, link, export.source)), None) for export in mine
    }
    for export in mine:
        heir = heirs[export.id]
        if heir is not None:
            _hand_over(connection, export.id, heir)
    alone = [export for export in mine if heirs[export.id] is None]
    numbers = [export.id for export in alone]
    months = connection.execute(
        select(period_sources.c.billing_account_id, period_sources.c.period)
        .where(period_sources.c.export_id.in_(numbers))
        .order_by(period_sources.c.billing_account_id, period_sources.c.period)
    )
    return Scope(
        link_id=link.id,
        request_id=link.request_id,
        account_id=link.account_id,
        decided_at=now.isoformat(),
        exports=tuple(numbers),
        sources=tuple(export.source for export in alone),
        handed_over=tuple(export.source for export in mine if heirs[export.id] is not None),
        months=tuple((row.billing_account_id, row.period) for row in months),
        alone=not any(other.state is not LinkState.ENDED or has_data(connection, other.id) for other in siblings),
    )


def _hand_over(connection: Connection, export_id: int, heir: Link) -> None:
    connection.execute(update(exports).where(exports.c.id == export_id).values(link_id=heir.id))
    connection.execute(update(deliveries).where(deliveries.c.export_id == export_id).values(account_id=heir.account_id))
