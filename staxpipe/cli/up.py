"""`staxpipe up`: the whole platform on this machine, until Ctrl-C."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from staxpipe.local.runtime import Runtime


def up() -> None:
    """Run the platform on this machine: database, Dagster and the onboarding pages. Ctrl-C stops all of it.

    Needs nothing but a free port or two: a Postgres of its own starts with it, and all state is in one folder
    (STAXPIPE_HOME), so that the next `up` goes on where this one stopped. What dies is started again.

    Settings come from STAXPIPE_* variables or from staxpipe.toml; the README lists them.
    """
    from staxpipe.local.runtime import Runtime, stop_on_signals
    from staxpipe.settings import read_settings

    console = Console(highlight=False, soft_wrap=True)
    settings = read_settings()
    runtime = Runtime(settings, say=lambda line: console.print(Text(line, style="yellow")))
    stop = Event()
    stop_on_signals(stop)
    with console.status("Starting") as status:
        runtime.start(stop, progress=lambda line: status.update(f"{line} …"))
    try:
        if not stop.is_set():
            announce(console, runtime)
        runtime.supervise(stop)
    finally:
        with console.status("Stopping …"):
            runtime.stop()
    console.print("Stopped. Everything is kept; [bold]staxpipe up[/bold] goes on from here.")


def announce(console: Console, runtime: Runtime) -> None:
    """Say where everything is, and how to get in."""
    from staxpipe.db.engine import shown_url
    from staxpipe.local.database import embedded_folder
    from staxpipe.local.postgres_folder import password_file
    from staxpipe.local.runtime import SIGN_IN_LIFETIME

    settings = runtime.settings
    where = Table.grid(padding=(0, 3))
    where.add_column(style="bold")
    where.add_column(overflow="fold")
    where.add_row("Pages", Text(settings.base_url, style="cyan"))
    where.add_row("Dagster", Text(settings.dagster_url, style="cyan"))
    where.add_row("Database", Text(shown_url(runtime.database_url)))
    if settings.database_url is None:
        where.add_row("", Text(f"its password is in {password_file(embedded_folder(settings))}"))
    where.add_row("State", str(runtime.home))
    where.add_row("Logs", str(runtime.logs))
    console.print(Panel(where, title="[bold green]staxpipe is up[/bold green]", title_align="left", expand=False))
    hours = int(SIGN_IN_LIFETIME.total_seconds() // 3600)
    if settings.links_sign_in:
        console.print(f"\nSign in with this link, once, within {hours} hours:")
        console.print(f"  [bold cyan]{runtime.sign_in_link()}[/bold cyan]", soft_wrap=True)
    else:
        console.print(Text(f"\nPeople sign in with {settings.oidc_name}, at the pages' address."))
    if settings.smtp_url is None:
        console.print("\n[dim]STAXPIPE_SMTP_URL is not set: messages wait in the outbox.[/dim]")
    if settings.operator_role_arn is None:
        console.print("[dim]STAXPIPE_OPERATOR_ROLE_ARN is not set: real accounts cannot be linked.[/dim]")
    console.print("\nCtrl-C stops everything.")
