"""Report rows while they are made: integer arrays over templates and time spans. No text, no pricing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from staxpipe.synthetic.books import TemplateSums, sum_by_template
from staxpipe.synthetic.restatement import moment
from staxpipe.synthetic.template import Template
from staxpipe.synthetic.usage import Ints


@dataclass(frozen=True)
class Span:
    """The times of a row, as text: identity/TimeInterval and the usage dates."""

    interval: str
    start: str
    end: str


@dataclass(frozen=True)
class Rows:
    """Arrays of equal length, one element a report row. Money in units of 1E-10, quantity of 1E-6.

    `template` and `span` are positions in `RowCollector.templates` and `.spans`. `effective` is the commitment's
    cost of covered usage, or a plan fee row's used commitment; `amortised` the upfront part of a reservation's. Of
    split rows they are the split and the unused cost.
    """

    template: npt.NDArray[np.int32]
    span: npt.NDArray[np.int32]
    quantity: Ints
    unblended: Ints
    public: Ints
    effective: Ints
    amortised: Ints

    def __len__(self) -> int:
        return len(self.template)


class RowCollector:
    """Templates, spans and blocks of rows, in the order in which they were added."""

    def __init__(self) -> None:
        self.templates: list[Template] = []
        self.spans: list[Span] = []
        self._blocks: list[Rows] = []
        self._span_positions: dict[Span, int] = {}

    def template(self, template: Template) -> int:
        """Add a template; returns its position."""
        self.templates.append(template)
        return len(self.templates) - 1

    def span(self, start: datetime, end: datetime, interval: tuple[datetime, datetime] | None = None) -> int:
        """The position of a span; `interval` where identity/TimeInterval is not the usage dates."""
        first, last = interval or (start, end)
        span = Span(f"{moment(first)}/{moment(last)}", moment(start), moment(end))
        if span not in self._span_positions:
            self._span_positions[span] = len(self.spans)
            self.spans.append(span)
        return self._span_positions[span]

    def add(
        self,
        template: Ints,
        span: Ints,
        quantity: Ints,
        unblended: Ints,
        public: Ints | int = 0,
        effective: Ints | int = 0,
        amortised: Ints | int = 0,
    ) -> None:
        """Add a block of rows."""
        zeros = np.zeros(len(template), np.int64)
        self._blocks.append(
            Rows(
                template.astype(np.int32),
                span.astype(np.int32),
                quantity,
                unblended,
                zeros + public,
                zeros + effective,
                zeros + amortised,
            )
        )

    def sort_last(self, blocks: int) -> None:
        """Merge the last so many blocks into one in the order of their spans, as a report interleaves resources."""
        merged = _concatenate(self._blocks[-blocks:])
        order = np.argsort(merged.span, kind="stable")
        self._blocks[-blocks:] = [_select(merged, order)]

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self._blocks)

    def rows(self) -> Rows:
        """All rows so far."""
        self._blocks = [_concatenate(self._blocks)]
        return self._blocks[0]

    def sums(self) -> TemplateSums:
        """Sums of all rows so far, per template."""
        rows = self.rows()
        return sum_by_template(
            self.templates, rows.template, rows.unblended, rows.public, rows.effective, rows.amortised
        )


def _concatenate(blocks: list[Rows]) -> Rows:
    return Rows(
        np.concatenate([block.template for block in blocks]),
        np.concatenate([block.span for block in blocks]),
        np.concatenate([block.quantity for block in blocks]),
        np.concatenate([block.unblended for block in blocks]),
        np.concatenate([block.public for block in blocks]),
        np.concatenate([block.effective for block in blocks]),
        np.concatenate([block.amortised for block in blocks]),
    )


def _select(rows: Rows, order: npt.NDArray[np.intp]) -> Rows:
    return Rows(
        rows.template[order],
        rows.span[order],
        rows.quantity[order],
        rows.unblended[order],
        rows.public[order],
        rows.effective[order],
        rows.amortised[order],
    )
