"""README's typical questions, as they stand there, and the same of the lake where README asks a mart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from staxpipe.model import BillingPeriod

README = Path(__file__).resolve().parents[1] / "README.md"
_QUESTION = re.compile(
    r'\n\*\*([^*]+)\*\*(?:(?!```|\n\*\*).)*```sh\nstaxpipe sql "([^"]+)"(?: --period (\S+))?\n```', re.DOTALL
)

FROM_THE_LAKE = {
    "Cost by service and month": """
        SELECT BillingPeriodStart, ServiceName, sum(EffectiveCost) AS cost FROM line_items GROUP BY ALL ORDER BY ALL""",
    "Month over month by account": """
        WITH months AS (SELECT SubAccountId, BillingPeriodStart AS period, sum(EffectiveCost) AS cost
                        FROM line_items GROUP BY ALL)
        SELECT SubAccountId, period, cost, cost - lag(cost) OVER (PARTITION BY SubAccountId ORDER BY period) AS growth
        FROM months ORDER BY ALL""",
    "Amortised against billed": """
        SELECT BillingPeriodStart, sum(EffectiveCost) AS amortised, sum(BilledCost) AS billed
        FROM line_items GROUP BY ALL ORDER BY ALL""",
}


@dataclass(frozen=True)
class Question:
    """One question, of the marts or of the lake; of one month where `one_month`."""

    title: str
    sql: str
    one_month: bool

    @property
    def of_lake(self) -> bool:
        """Whether it asks line items."""
        return "line_items" in self.sql

    def of(self, month: BillingPeriod) -> str | None:
        """The month to narrow it to."""
        return str(month) if self.one_month else None


def questions() -> list[Question]:
    """README's typical questions in their order, each that asks a mart followed by the same of the lake."""
    found: list[Question] = []
    for title, sql, period in _QUESTION.findall(README.read_text(encoding="utf-8")):
        found.append(Question(title, sql, bool(period)))
        if title in FROM_THE_LAKE:
            found.append(Question(title, FROM_THE_LAKE[title], False))
    return found
