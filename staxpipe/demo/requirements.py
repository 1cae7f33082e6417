"""Whether what the demo needs beside the product is installed. Imports none of it."""

from importlib.util import find_spec

from staxpipe.errors import PermanentError

PACKAGES = ("ministack", "aiosmtpd", "httpx")
"""The demo extra of pyproject.toml."""


def require() -> None:
    """Raises PermanentError naming what is missing."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise PermanentError(
            f"The demo needs {', '.join(missing)}, which come with staxpipe's demo extra: pip install 'staxpipe[demo]'."
        )
