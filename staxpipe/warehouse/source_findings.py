"""What people are told about the election of a month's source: a sentence each, and the command that helps. Pure.

The first example of each of these findings is the billing account: a delivery may hold several.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from staxpipe.model import BillingPeriod, Finding, Severity
from staxpipe.warehouse.holdings import Holding, NotCounted
from staxpipe.warehouse.parity import Comparison, Verdict
from staxpipe.warehouse.parity_reasons import still_running
from staxpipe.warehouse.source_rule import HALF_A_CENT, IN_WORDS, Elected

AGREES = "shadow-agrees"
DIFFERS = "shadow-differs"
NOT_COUNTED = "money-not-counted"
BEHIND = "source-behind"
CHANGED = "source-changed"

STANDING = (AGREES, DIFFERS, NOT_COUNTED, BEHIND)
"""Codes of findings that tell how a month stands: written anew at each election."""

NAMED = 10
"""How many usage accounts a sentence names; the parity report has all."""


def choose_command(account: str, period: BillingPeriod, export_id: int) -> str:
    """What an operator types to have an export counted."""
    return f"staxpipe source choose --account {account} --period {period} --export {export_id}"


def standing(
    account: str,
    period: BillingPeriod,
    counted: Holding,
    comparisons: Iterable[Comparison],
    missing: Sequence[NotCounted],
    rival: Holding | None,
) -> Mapping[int, Sequence[Finding]]:
    """The findings about a month of several exports, by the delivery that they are about.

    Args:
        account: the billing account.
        period: the month.
        counted: the export that counts.
        comparisons: it and each of the others.
        missing: what only others hold.
        rival: another that is far newer and may not take over by itself.
    """
    found: dict[int, list[Finding]] = defaultdict(list)
    for comparison in comparisons:
        found[comparison.shadow.holder.delivery].append(_shadow(account, period, comparison))
    if missing:
        found[counted.holder.delivery].append(_not_counted(account, period, counted, missing))
    if rival is not None:
        found[counted.holder.delivery].append(_behind(account, period, counted, rival))
    return found


def changed(account: str, period: BillingPeriod, before: str, after: str, elected: Elected) -> Finding:
    """Another export counts from now on; `before` and `after` are their sources."""
    return Finding(
        CHANGED,
        Severity.INFO,
        f"{period} of account {account} is counted from {after} from now on, and no longer from {before}: "
        f"{IN_WORDS[elected.reason]}.",
        examples=(account, before, after),
    )


def _shadow(account: str, period: BillingPeriod, comparison: Comparison) -> Finding:
    counted, shadow = comparison.counted.holder, comparison.shadow.holder
    part = f" of usage account {', '.join(comparison.scope[:NAMED])}" if comparison.scope else ""
    severity = Severity.INFO if comparison.agrees or _only_newer(comparison, period) else Severity.WARNING
    reasons = "" if comparison.agrees else "".join(f" {reason}" for reason in comparison.reasons)
    compare = "" if comparison.agrees else f" See: staxpipe parity --account {account} --period {period}"
    return Finding(
        AGREES if comparison.agrees else DIFFERS,
        severity,
        f"{period} of account {account} is counted from {counted.source}. What {shadow.source} holds{part} is loaded "
        f"too and not counted, for otherwise it would be there twice; it {comparison.in_words}.{reasons}{compare}",
        examples=(account, shadow.source, counted.source),
    )


def _only_newer(comparison: Comparison, period: BillingPeriod) -> bool:
    """Whether two deliveries differ as they must while a month runs: the newer holds more, and nothing is less."""
    counted, shadow = comparison.counted.holder, comparison.shadow.holder
    if comparison.verdict is not Verdict.DIFFERS or not still_running(counted, shadow, period):
        return False
    sign = 1 if shadow.delivered_at > counted.delivered_at else -1
    return all(sign * total.billed_difference > -HALF_A_CENT for total in comparison.totals)


def _not_counted(account: str, period: BillingPeriod, counted: Holding, missing: Sequence[NotCounted]) -> Finding:
    named = [f"{part.sub_account_id} ({part.currency} {part.billed:,.2f}, export {part.export_id})" for part in missing]
    more = f" and {len(named) - NAMED:,} more" if len(named) > NAMED else ""
    other = missing[0]
    return Finding(
        NOT_COUNTED,
        Severity.ERROR,
        f"{period} of account {account} is counted from {counted.holder.source}, which has nothing of usage accounts "
        f"that other exports bill: {', '.join(named[:NAMED])}{more}. That cost is loaded and in no total, since one "
        "export counts for an account's month. Load the payer's own export, which holds all of them, or choose "
        f"another: {choose_command(account, period, other.export_id)}",
        count=len(missing),
        examples=(account, *(part.sub_account_id for part in missing[:NAMED])),
    )


def _behind(account: str, period: BillingPeriod, counted: Holding, rival: Holding) -> Finding:
    mine, theirs = counted.holder, rival.holder
    days = (theirs.delivered_at - mine.delivered_at).days
    held = ", ".join(f"{currency} {amount:,.2f}" for currency, amount in sorted(counted.billed.items()))
    theirs_held = ", ".join(f"{currency} {amount:,.2f}" for currency, amount in sorted(rival.billed.items()))
    return Finding(
        BEHIND,
        Severity.WARNING,
        f"{period} of account {account} is counted from {mine.source} ({held or 'nothing'}), whose newest delivery is "
        f"{days} days older than that of {theirs.source} ({theirs_held or 'nothing'}). The newer one is not taken by "
        "itself, because it does not hold all that is counted now, or holds files that a person loaded, or because an "
        f"operator chose. If the older export has ended: {choose_command(account, period, theirs.export_id)}",
        examples=(account, mine.source, theirs.source),
    )
