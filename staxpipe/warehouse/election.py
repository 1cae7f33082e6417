"""Which export counts for an account's month: the first one that loads it, until a person says otherwise.

Companies often have several exports of the same account. All are loaded; one is counted, or money would be counted
twice. The choice is the table `period_sources`, which the view `daily_costs` and the lake's `line_items` follow.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, and_, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from staxpipe.db.tables import exports, period_sources
from staxpipe.model import BillingPeriod, Finding, Severity


def elect_source(
    connection: Connection, export_id: int, billing_account_ids: Iterable[str], period: BillingPeriod
) -> tuple[Finding, ...]:
    """Make the export the source of these accounts' month where no other is; a finding for each where one is.

    A linked account's export takes the place of files that a person loaded: it is kept up to date, they are not.
    Called in the transaction that publishes the month. Two exports that do this at once wait for each other.
    """
    accounts = sorted(set(billing_account_ids))
    if not accounts:
        return ()
    linked = exports.alias("linked")
    statement = insert(period_sources)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["billing_account_id", "period"],
            set_={"export_id": statement.excluded.export_id, "elected_at": func.now()},
            where=and_(
                exists().where(linked.c.id == statement.excluded.export_id, linked.c.link_id.is_not(None)),
                exists().where(exports.c.id == period_sources.c.export_id, exports.c.link_id.is_(None)),
            ),
        ),
        [
            {"billing_account_id": account, "period": str(period), "export_id": export_id}
            for account in accounts  # in order: two at once cannot deadlock
        ],
    )
    elected = connection.execute(
        select(period_sources.c.billing_account_id, exports.c.source)
        .join(exports, exports.c.id == period_sources.c.export_id)
        .where(
            period_sources.c.period == str(period),
            period_sources.c.billing_account_id.in_(accounts),
            period_sources.c.export_id != export_id,
        )
        .order_by(period_sources.c.billing_account_id)
    ).all()
    if not elected:
        return ()
    own_source = connection.scalar(select(exports.c.source).where(exports.c.id == export_id))
    return tuple(_not_counted(account, period, str(own_source), other) for account, other in elected)


def _not_counted(account: str, period: BillingPeriod, source: str, elected: str) -> Finding:
    return Finding(
        "month-counted-from-another-export",
        Severity.WARNING,
        f"{period} of account {account} is counted from {elected}, whose export was there first. The same month from "
        f"{source} is loaded too, but not counted: otherwise its cost would be there twice.",
        examples=(source, elected),
    )
