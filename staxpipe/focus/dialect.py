"""Which of AWS's tables a data file is, and so which function maps its rows: its own header says it.

Never the export's kind: a manifest may not tell, and a Data Export is whatever its SQL selects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial

import pyarrow as pa

from staxpipe.focus import passthrough_columns, source_columns
from staxpipe.focus.focus_versions import FocusVersion, version_of
from staxpipe.focus.mapping import MappingContext, Normalised, normalise, reads
from staxpipe.focus.names import NotACostReportError, canonical_name
from staxpipe.focus.passthrough import pass_through

Mapping = Callable[[pa.RecordBatch, MappingContext, int], Normalised]
"""Maps a batch, given what its rows do not say and the number of its first row."""

_OF_A_CUR = "line_item_"
_OF_FOCUS = frozenset({"billed_cost", "charge_category", "contracted_cost", "effective_cost", "list_cost"})


class Dialect(StrEnum):
    """How a file's rows are written. FOCUS: its version cannot be told, since its SQL left the columns out."""

    CUR = "CUR"
    FOCUS_1_0 = "FOCUS 1.0"
    FOCUS_1_2 = "FOCUS 1.2"
    FOCUS = "FOCUS"

    @property
    def mapping(self) -> Mapping:
        """The function that maps such rows."""
        if self is Dialect.CUR:
            return normalise
        return partial(pass_through, version=_VERSIONS.get(self))

    def wanted(self, context: MappingContext) -> Callable[[str], bool]:
        """Tells of a canonical name whether the mapping of such rows reads that column, for what is asked of it."""
        if self is Dialect.CUR:
            return partial(reads, context=context)
        return passthrough_columns.wanted


_VERSIONS = {Dialect.FOCUS_1_0: FocusVersion.V1_0, Dialect.FOCUS_1_2: FocusVersion.V1_2}


def wanted(canonical_name: str) -> bool:
    """Whether some mapping reads the column with this canonical name, for files whose dialect is not known yet."""
    return source_columns.wanted(canonical_name) or passthrough_columns.wanted(canonical_name)


def dialect_of(headers: Sequence[str], file: str) -> Dialect:
    """Tell from a file's header, as it is written there, how its rows are to be mapped.

    Costs of FOCUS and no column of line items: FOCUS. Line items, or columns of a CUR alone: a CUR, whose mapping then
    names what is absent.

    Raises:
        NotACostReportError: it is neither; the message says what its first columns are.
    """
    names = [canonical_name(header) for header in headers]
    families = {name.partition("/")[0] for name in names}
    if not any(name.startswith(_OF_A_CUR) for name in names):
        if families & _OF_FOCUS:
            version = version_of(families)
            return next((dialect for dialect, of in _VERSIONS.items() if of is version), Dialect.FOCUS)
        if not any(source_columns.wanted(name) and not passthrough_columns.wanted(name) for name in names):
            first = ", ".join(header for header in headers[:4] if header) or "without names"
            raise NotACostReportError(
                f"{file} is not a cost report: none of its {len(headers)} columns is one of a Cost and Usage Report, "
                f"and it has no cost of a FOCUS export. Its first columns are {first}."
            )
    return Dialect.CUR
