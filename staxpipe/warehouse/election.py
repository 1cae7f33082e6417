"""Electing the one export that counts for a billing account's month, and telling what the others say.

Companies often have several exports of the same account: a legacy CUR and its successors, a payer's and a member's.
All are loaded; one is counted, or money would be counted twice. Which one is decided by `source_rule`; this module
reads what it needs, writes the decision to `period_sources`, which the view `daily_costs` and the lake's `line_items`
follow at once, and writes findings. An election is held whenever an export of the month is published, and when an
operator chooses (`choices`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from staxpipe.db import audit_log, results, source_choices, sources
from staxpipe.db.source_choices import EVERY_MONTH
from staxpipe.db.sources import Holder
from staxpipe.model import BillingPeriod, Finding
from staxpipe.warehouse import source_findings
from staxpipe.warehouse.holdings import Holding, not_counted
from staxpipe.warehouse.parity import Comparison, compare
from staxpipe.warehouse.source_rule import Candidate, Chosen, Elected, elect, newer_rival

OURSELVES = "staxpipe"
"""Who acts, in the audit log, where a rule and not a person changed a source."""


def elect_source(
    connection: Connection, export_id: int, billing_account_ids: Iterable[str], period: BillingPeriod
) -> tuple[Finding, ...]:
    """Elect the sources of these accounts' month, of which the export is just being published.

    Called in the transaction that publishes the month, after what the delivery comes to was written (`delivery_sums`,
    `delivery_services`); it does not matter whether it is marked as loaded yet. Two exports that do this at once wait
    for each other. An account that the export held before, and holds no more, gets another source.

    Returns:
        What is told of the export's own delivery. It is written already, as are findings about other deliveries.
    """
    delivery = sources.current_delivery(connection, export_id, period)
    accounts = sorted({*billing_account_ids, *sources.counted_from(connection, export_id, period)})
    for account in accounts:  # in order: two at once cannot deadlock
        sources.lock_account(connection, account)
    for account in accounts:
        holders = sources.holders(connection, account, period, (export_id, delivery))
        _settle(connection, account, period, holders, OURSELVES)
    if delivery is None:
        return ()
    codes = (*source_findings.STANDING, source_findings.CHANGED)
    return tuple(finding for finding in results.findings_of(connection, delivery) if finding.code in codes)


def reelect(connection: Connection, account: str, period: BillingPeriod, actor: str) -> Elected | None:
    """Elect the source of an account's month again, because something else than its data changed.

    The caller holds the account (`sources.lock_account`). None if no export holds the month.
    """
    return _settle(connection, account, period, sources.holders(connection, account, period), actor)


def compare_month(
    connection: Connection, account: str, period: BillingPeriod, holders: Sequence[Holder], export_id: int
) -> tuple[Comparison, ...]:
    """The export that counts side by side with each of the others."""
    counted, shadows = _apart(_holdings(connection, account, holders), export_id)
    return tuple(compare(counted, shadow, period) for shadow in shadows)


def _settle(
    connection: Connection, account: str, period: BillingPeriod, holders: Sequence[Holder], actor: str
) -> Elected | None:
    """Elect, and write down what came of it."""
    if not holders:
        sources.remove_elected(connection, account, period)
        return None
    holdings = _holdings(connection, account, holders)
    chosen = source_choices.choices(connection, account)
    candidates = {holding.holder.export_id: _candidate(holding, period, chosen) for holding in holdings}
    elected = elect(list(candidates.values()))
    before = sources.elected(connection, account, period)
    sources.set_elected(connection, account, period, elected.export_id, elected.reason)
    in_order = sorted(holdings, key=lambda holding: candidates[holding.holder.export_id].rank)
    counted, shadows = _apart(in_order, elected.export_id)
    rival = newer_rival(list(candidates.values()), candidates[elected.export_id])
    found = source_findings.standing(
        account,
        period,
        counted,
        [compare(counted, shadow, period) for shadow in shadows],
        not_counted(counted, shadows),
        next((shadow for shadow in shadows if rival and shadow.holder.export_id == rival.export_id), None),
    )
    sources.replace_findings(connection, account, period, holders, source_findings.STANDING, found)
    if before is not None and before != elected.export_id:
        _tell_of_change(connection, account, period, holders, before, elected, actor)
    return elected


def _holdings(connection: Connection, account: str, holders: Sequence[Holder]) -> list[Holding]:
    """Holders with what they bill; where there is only one, nothing has to be known of that."""
    deliveries = [holder.delivery for holder in holders] if len(holders) > 1 else []
    lines = sources.cost_lines(connection, account, deliveries)
    return [Holding(holder, account, lines.get(holder.delivery, ())) for holder in holders]


def _candidate(holding: Holding, period: BillingPeriod, choices: Mapping[str, int]) -> Candidate:
    holder = holding.holder
    chosen = Chosen.NOT
    if choices.get(EVERY_MONTH) == holder.export_id:
        chosen = Chosen.FOR_EVERY_MONTH
    if choices.get(str(period)) == holder.export_id:
        chosen = Chosen.FOR_THE_MONTH
    return Candidate(
        export_id=holder.export_id,
        linked=holder.linked,
        owner=holding.owner,
        kind=holder.kind,
        delivered_at=holder.delivered_at,
        final=holder.final,
        billed=holding.billed,
        sub_accounts=holding.sub_accounts,
        chosen=chosen,
    )


def _apart(holdings: Sequence[Holding], export_id: int) -> tuple[Holding, list[Holding]]:
    """The holding of one export, and the others."""
    (counted,) = (holding for holding in holdings if holding.holder.export_id == export_id)
    return counted, [holding for holding in holdings if holding is not counted]


def _tell_of_change(
    connection: Connection,
    account: str,
    period: BillingPeriod,
    holders: Sequence[Holder],
    before: int,
    elected: Elected,
    actor: str,
) -> None:
    after = next(holder for holder in holders if holder.export_id == elected.export_id)
    source_before = sources.export_source(connection, before) or f"export {before}"
    finding = source_findings.changed(account, period, source_before, after.source, elected)
    sources.replace_findings(
        connection, account, period, holders, (source_findings.CHANGED,), {after.delivery: [finding]}
    )
    audit_log.record(
        connection,
        actor,
        "source.changed",
        f"account:{account}/{period}",
        elected.reason,
        detail={"from": before, "to": elected.export_id},
    )
