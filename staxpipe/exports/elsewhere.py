"""Manifests that do not stand where AWS puts them: parts of a bucket that somebody has copied.

Only their contents tell of which layout they are, and of which month.
"""

from __future__ import annotations

from staxpipe.exports.data_exports import DataExports, is_of_other_table
from staxpipe.exports.layout import Manifest, Place
from staxpipe.exports.legacy import MANIFEST_ENDING, LegacyCur
from staxpipe.exports.manifest_json import json_object


class Elsewhere:
    """Any place that is of no layout."""

    def place(self, address: str) -> Place | None:
        """A place without a month, for whatever is called a manifest; None for the rest."""
        if not address.endswith(MANIFEST_ENDING) or is_of_other_table(address):
            return None
        return Place(address.rpartition("/")[0], None, None)

    def parse(self, address: str, body: bytes) -> Manifest:
        """Read a manifest as the layout does whose list of files it has.

        Raises:
            PermanentError: it is no manifest of any layout; names it and what is missing or wrong.
            TransientError: it is written by half.
        """
        of_data_exports = "dataFiles" in json_object(address, body)
        return DataExports().parse(address, body) if of_data_exports else LegacyCur().parse(address, body)
