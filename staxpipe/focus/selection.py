"""Choosing between columns of amounts by a mask, without work where the mask holds everywhere or nowhere."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.coded import Mask
from staxpipe.focus.columns import MONEY


def where(mask: Mask, yes: pa.Array | pa.Scalar, no: pa.Array | pa.Scalar) -> pa.Array:
    """`yes` where the mask holds, `no` elsewhere."""
    if isinstance(no, pa.Array) and not mask.any():
        return no
    if isinstance(yes, pa.Array) and mask.all():
        return yes
    return pc.if_else(pa.array(mask), yes, no)


def keep(mask: Mask, amount: pa.Array) -> pa.Array:
    """The amounts where the mask holds, null elsewhere."""
    return where(mask, amount, pa.scalar(None, MONEY))


def placed(mask: Mask, part: pa.Array, whole: pa.Array) -> pa.Array:
    """`whole`, but on the rows of the mask what `part` has for them, one amount a row of the mask."""
    return pc.replace_with_mask(whole, pa.array(mask), part) if len(part) else whole
