"""Write README's table of settings anew from staxpipe/settings.py: ``python tools/readme_settings.py``.

With ``--check`` nothing is written; the exit status says whether README is up to date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pydantic.fields import FieldInfo

from staxpipe.settings import DEFAULT_HOME, Settings

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN = "<!-- settings: made by tools/readme_settings.py -->"
END = "<!-- end of settings -->"


def table() -> str:
    """The settings as a Markdown table, in the order in which they are declared."""
    rows = [
        f"| `STAXPIPE_{name.upper()}` | {_default(field)} | {_described(field)} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| Setting | Default | Meaning |", "|---|---|---|", *rows])


def with_table(readme: str) -> str:
    """README's text with the table between its marks replaced."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if len(pattern.findall(readme)) != 1:
        raise SystemExit(f"README.md must hold one pair of marks: {BEGIN} and {END}")
    return pattern.sub(lambda _: f"{BEGIN}\n{table()}\n{END}", readme)


def _described(field: FieldInfo) -> str:
    return (field.description or "").replace("|", r"\|")


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == ():
        return ""
    if value == DEFAULT_HOME:
        return "`~/.staxpipe`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit status."""
    before = README.read_text()
    after = with_table(before)
    if "--check" not in arguments:
        README.write_text(after)
        return 0
    return int(before != after)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
