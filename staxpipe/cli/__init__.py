"""The command line: one module a command. Errors that staxpipe understands are sentences, never stack traces."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from staxpipe.errors import StaxpipeError

app = typer.Typer(
    name="staxpipe",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    help="AWS cost data that you own: linked in minutes, normalised to FOCUS 1.2, reconciled to the cent.",
    epilog="Try it without an AWS account: [bold]staxpipe demo[/bold]. Try it on a report that you downloaded: "
    "[bold]staxpipe load FOLDER[/bold], then [bold]staxpipe sql[/bold].",
)


class WithoutPandas(MetaPathFinder):
    """Makes pandas one that is not installed: no command has a use for it. To be put first into `sys.meta_path`.

    pyarrow imports it to ask whether a value is one of its types, which takes a third of a second and 50 MB; where it
    is not installed, pyarrow does without.
    """

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> None:
        """Refuse pandas, and leave every other module to the finders after this one."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is left out to start faster", name=name)


@contextmanager
def importing() -> Iterator[None]:
    """Where much is imported: none of it is garbage, and looking for some would take a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"staxpipe {version('staxpipe')}")
        raise typer.Exit


def main() -> None:
    """Entry point of the `staxpipe` command."""
    sys.meta_path.insert(0, WithoutPandas())
    try:
        with importing():
            _register()
        app()
    except StaxpipeError as error:
        Console(stderr=True).print(Text("staxpipe: ", style="bold red") + Text(str(error)), soft_wrap=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.exit(0)
    except KeyboardInterrupt:  # before the command began; afterwards typer ends it with the same code
        sys.exit(130)


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def _register() -> None:
    # Each imports its heavy parts when it is called.
    from staxpipe.cli import (
        accounts,
        audit,
        compare,
        demo,
        diff,
        doctor,
        export,
        ledger,
        link,
        load,
        parity,
        sign_in,
        source,
        sql,
        status,
        token,
        unlink,
        up,
    )

    app.callback()(_options)
    app.command()(up.up)
    app.command()(demo.demo)
    app.command()(load.load)
    app.command()(sql.sql)
    app.command()(diff.diff)
    app.command()(export.export)
    app.command()(status.status)
    app.command()(doctor.doctor)
    app.command()(accounts.accounts)
    app.command()(ledger.ledger)
    app.command()(compare.compare)
    app.command()(parity.parity)
    app.command()(audit.audit)
    app.command()(link.link)
    app.command()(unlink.unlink)
    app.add_typer(token.token, name="token")
    app.add_typer(source.source, name="source")
    app.command("sign-in")(sign_in.sign_in)
