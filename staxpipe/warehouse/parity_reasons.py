"""Why two exports of one month may differ, as far as it is known to be so for these two. Sentences; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from staxpipe.db.sources import Holder
from staxpipe.model import BillingPeriod, ExportKind
from staxpipe.warehouse.holdings import Holding
from staxpipe.warehouse.source_rule import Owner


def known_reasons(counted: Holding, shadow: Holding, period: BillingPeriod, scoped: bool) -> Iterable[str]:
    """The reasons that apply; `scoped` where a member's export is compared with its own part only."""
    mine, theirs = counted.holder, shadow.holder
    focus = [holder.kind in (ExportKind.FOCUS_1_0, ExportKind.FOCUS_1_2) for holder in (mine, theirs)]
    if all(focus) and mine.kind != theirs.kind:
        yield "AWS says that row counts and values changed from its FOCUS 1.0 exports to those of FOCUS 1.2."
    elif any(focus) and not all(focus):
        yield "A FOCUS export divides charges into other rows than a Cost and Usage Report: only amounts compare."
    if scoped:
        yield "A member's export holds the member's costs only, of the time that it belonged to the organisation."
    elif Owner.MEMBER in (counted.owner, shadow.owner) and counted.owner != shadow.owner:
        yield "One is a member's export, which holds the member's costs only; the other holds the whole account."
    if counted.sub_accounts is not None and shadow.sub_accounts is not None and not scoped:
        less = sorted(counted.sub_accounts - shadow.sub_accounts)
        if less:
            yield f"The shadow has nothing of {_named(less)}: its SQL may filter, or it is not the whole account's."
    net = [_is_net(holder.columns) for holder in (mine, theirs)]
    if None not in net and net[0] != net[1]:
        which = "the counted one" if net[0] else "the shadow"
        yield f"Only {which} has net costs (after discounts); of the other the unblended cost is taken."
    if mine.final != theirs.final:
        which = "shadow" if mine.final else "counted one"
        yield f"The {which} is provisional: not every charge in it has an invoice."
    if mine.delivered_at != theirs.delivered_at:
        age = _duration(abs((theirs.delivered_at - mine.delivered_at).total_seconds()))
        order = "newer" if theirs.delivered_at > mine.delivered_at else "older"
        running = ", and the month went on meanwhile" if still_running(mine, theirs, period) else ""
        yield f"The shadow's delivery is {age} {order}{running}."


def still_running(one: Holder, other: Holder, period: BillingPeriod) -> bool:
    """Whether usage came between two deliveries: the older was made before the month was over."""
    older, newer = sorted((one.delivered_at, other.delivered_at))
    return older < newer and older < period.end


def _is_net(columns: Sequence[str]) -> bool | None:
    """Whether a report has net costs; None where its columns are not known, or are those of FOCUS."""
    plain = {"".join(filter(str.isalnum, name)).lower() for name in columns}
    if not any(name.endswith("unblendedcost") for name in plain):
        return None
    return any(name.endswith("netunblendedcost") for name in plain)


def _duration(seconds: float) -> str:
    days, hours, minutes = seconds // 86_400, seconds // 3_600, seconds // 60
    for count, unit in ((days, "day"), (hours, "hour"), (minutes, "minute")):
        if count >= 1:
            return f"{count:.0f} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def _named(names: Sequence[str], most: int = 5) -> str:
    told = ", ".join(names[:most])
    return told if len(names) <= most else f"{told} and {len(names) - most:,} more"
