"""The rollup of a month that is kept beside its data files: one small Parquet file in the folder of their delivery.

It is made of the rows on their way into the data files, so that nobody has to read those again to publish the month.
It lives and dies with its folder (`staxpipe.lake.orphans`), and is no part of the table: no snapshot names it, and
whatever is wrong with it, the marts can be made from the data files. What a rollup is, `staxpipe.warehouse` knows.
"""

from __future__ import annotations

import logging

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import FileIO

_log = logging.getLogger(__name__)

NAME = "rollup.parquet"


def write_rollup(io: FileIO, folder: str, table: pa.Table) -> None:
    """Keep a rollup in the folder of the data files whose rows it sums, before they are committed."""
    written = pa.BufferOutputStream()
    pq.write_table(table, written, compression="zstd", write_page_checksum=True)
    with io.new_output(f"{folder}/{NAME}").create(overwrite=True) as file:
        file.write(written.getvalue())


def read_rollup(io: FileIO, folder: str) -> pa.Table | None:
    """The rollup that was kept in a folder; None if there is none that can be read without fault."""
    path = f"{folder}/{NAME}"
    try:
        with io.new_input(path).open() as file:
            return pq.read_table(file, page_checksum_verification=True)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        _log.warning("%s cannot be used: %s", path, error)
        return None
