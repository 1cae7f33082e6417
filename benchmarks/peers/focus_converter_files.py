"""focus-converter on every file of a legacy CUR, by its own classes as its command line uses them.

Run by its path in `.bench/venv-focus-converter`. Its output has no source columns, and it is not asked to validate.

    python benchmarks/peers/focus_converter_files.py OUT FILE…
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(out: str, files: Sequence[str]) -> None:
    """Convert each file, one after the other."""
    from focus_converter.converter import FocusConverter
    from focus_converter.data_loaders.data_exporter import ExportDataFormats
    from focus_converter.data_loaders.data_loader import DataFormats

    converter = FocusConverter(column_prefix=None, converted_column_prefix=None)
    converter.load_provider_conversion_configs()
    for number, file in enumerate(files):
        converter.load_data(data_path=file, data_format=DataFormats.CSV)
        converter.configure_data_export(
            export_path=f"{out}/{number}",
            export_include_source_columns=False,
            export_format=ExportDataFormats.PARQUET,
        )
        converter.prepare_horizontal_conversion_plan(provider="aws-cur")
        converter.convert()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
