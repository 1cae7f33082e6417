"""How fast the pages are with a thousand links, how much memory a web process takes, and how soon a role is seen.

    python -m benchmarks.pages                   # about five minutes
    python -m benchmarks.pages --quick           # a hundred links, few calls, and no role is waited for

Pages are asked for one after the other of a real web process, over one connection from the same machine: the times are
what whoever asks waits, so the client's own part is in them. The AWS stand-in takes its share of the same cores while
roles are looked for.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from pydantic import SecretStr
from sqlalchemy import Engine

from benchmarks.arguments import parser_of
from benchmarks.listening import pending_section, seen_section
from benchmarks.many_links import add_listening, fill, request_id
from benchmarks.sections import Section, write_sections
from staxpipe.db import invites, sign_in_links
from staxpipe.db.engine import make_engine
from staxpipe.db.migrate import migrate
from staxpipe.local.postgres import EmbeddedPostgres
from staxpipe.onboarding.app import create_app
from staxpipe.onboarding.pages.home import ON_A_PAGE
from staxpipe.onboarding.sessions import Session, Signer
from staxpipe.settings import Settings, read_settings

LIMIT_MS = 50
LIMIT_MB = 150
REQUESTS = 1000
OPERATOR = "arn:aws:iam::999988887777:role/staxpipe"


@dataclass(frozen=True)
class Web:
    """A running web process with its database's server, and a browser that has signed in."""

    pid: int
    database_pid: int
    browser: httpx.Client

    def cpu_seconds(self) -> float:
        """What the process and all of the database's have taken until now."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, parts = int(stat.parent.name), stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            if self.pid == pid or self.database_pid in {pid, int(parts[1])}:
                ticks += int(parts[11]) + int(parts[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> dict[str, float]:
        """What it holds now, as the kernel says it."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
        found = dict(line.split(":", 1) for line in lines[1:])
        return {name: int(found[name].split()[0]) * 1024 / 1e6 for name in ("Rss", "Pss")}


def main() -> None:
    """Measure, print, and write the tables where asked."""
    parser = parser_of(__doc__, quick="100 links, few calls, and no role is waited for", tables=True)
    parser.add_argument("--links", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=60, help="of each page (default 60)")
    asked = parser.parse_args()
    if asked.quick:
        asked.links, asked.calls = 100, 10
    with tempfile.TemporaryDirectory(prefix="staxpipe-bench-") as home:
        with EmbeddedPostgres(Path(home) / "server") as server:
            url = server.url("postgres")
            engine = make_engine(url)
            migrate(engine)
            fill(engine, asked.links, datetime.now(UTC))
            settings = read_settings(
                {
                    "home": Path(home) / "web",
                    "database_url": SecretStr(url),
                    "secret_key": SecretStr("k" * 40),
                    "operator_role_arn": OPERATOR,
                    "web_port": 0,
                }
            )
            with engine.connect() as connection:
                backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with web(settings, _parent(backend)) as running:
                sections = [pages_section(running, engine, settings, asked.links, asked.calls)]
                sections.append(memory_section(running))
                sections.append(pending_section(engine, running.browser, asked.links))
            engine.dispose()
        if not asked.quick:
            sections.append(seen_section(Path(home) / "platform"))
    for section in sections:
        section.show()
    write_sections(asked.json, sections)


@contextmanager
def web(settings: Settings, database_pid: int) -> Iterator[Web]:
    """The product's own web process."""
    with httpx.Client() as probe, tempfile.TemporaryDirectory(prefix="staxpipe-bench-") as folder:
        port = _free_port()
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STAXPIPE_")},
            "STAXPIPE_HOME": str(settings.home),
            "STAXPIPE_DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
            "STAXPIPE_SECRET_KEY": settings.signing_key(),
            "STAXPIPE_OPERATOR_ROLE_ARN": OPERATOR,
            "STAXPIPE_WEB_PORT": str(port),
        }
        command = [sys.executable, "-m", "staxpipe.onboarding"]
        process = subprocess.Popen(command, env=variables, cwd=folder)
        try:
            base = f"http://127.0.0.1:{port}"
            _wait_until_up(probe, base, process)
            cookie = Signer(settings.signing_key()).session(Session(True), datetime.now(UTC))
            with httpx.Client(base_url=base, cookies={"staxpipe": cookie}, timeout=60) as browser:
                yield Web(process.pid, database_pid, browser)
        finally:
            process.terminate()
            process.wait(30)


def pages_section(running: Web, engine: Engine, settings: Settings, links: int, calls: int) -> Section:
    """Every page that can be asked for."""
    rows = []
    for title, address in addresses(engine, settings, links).items():
        times, cpu, size = timed(running, address, calls)
        rows.append((title, statistics.median(times), _percentile(times, 95), cpu, size))
    rows.sort(key=lambda row: -row[3])
    slow = [title for title, _, late, _, _ in rows if late > LIMIT_MS]
    verdict = f"not reached by {', '.join(slow)}" if slow else "reached by every page"
    return Section(
        f"Every page, with {links:,} links of 36 months each",
        ["page", "median ms", "95th percentile ms", "CPU ms", "kB"],
        [
            [title, f"{middle:.1f}", f"{late:.1f}", f"{cpu:.1f}", f"{size / 1000:.0f}"]
            for title, middle, late, cpu, size in rows
        ],
        f"{calls} calls each, one after the other; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores. "
        f"CPU is of web process and database. To reach: {LIMIT_MS} ms at the 95th percentile; {verdict}.",
    )


def memory_section(running: Web) -> Section:
    """What the web process holds after a thousand requests."""
    for number in range(REQUESTS):
        running.browser.get("/requests" if number % 2 else f"/requests/{request_id(2)}")
    memory = running.memory_mb()
    verdict = "reached" if memory["Rss"] < LIMIT_MB else "not reached"
    return Section(
        f"Memory of the web process after {REQUESTS:,} requests more",
        ["RSS MB", "PSS MB"],
        [[f"{memory['Rss']:.0f}", f"{memory['Pss']:.0f}"]],
        f"To reach: less than {LIMIT_MB} MB; {verdict}.",
    )


def addresses(engine: Engine, settings: Settings, links: int) -> Mapping[str, str]:
    """Each page by what it is called in the table: its path, filled in."""
    now = datetime.now(UTC)
    with engine.begin() as connection:
        [listening] = add_listening(connection, 1)
        sign_in = sign_in_links.issue(connection, now, timedelta(hours=1))
        until = now + timedelta(days=1)
        invite = invites.invite(connection, listening, "alan@example.com", "", "Grace", now, until)
    token = {"/sign-in/{token}": sign_in}
    if invite is not None:
        token["/invite/{token}"] = Signer(settings.signing_key()).invite(invite.id, until)
    linked = request_id(min(links, 500))
    found: dict[str, str] = {}
    for path, methods in create_app(settings, engine).openapi()["paths"].items():
        if "get" not in methods:
            continue
        of_draft = path.endswith(("/access", "/details", "/deploy", "/update", "/cancel", "/export", "/listening"))
        found[path.replace("{request_id}", "…").replace("{token}", "…")] = path.format(
            request_id=listening if of_draft else linked, token=token.get(path, "")
        )
    found["/requests, the last page"] = f"/requests?page={max(links // ON_A_PAGE, 1)}"
    found["/requests/…, while it listens"] = f"/requests/{listening}"
    found["/requests/…, of 50 accounts"] = f"/requests/{request_id(1)}"
    found["/activity of one request"] = f"/activity?subject=request:{linked}"
    return found


def timed(running: Web, address: str, calls: int) -> tuple[list[float], float, int]:
    """Milliseconds of each call, those of CPU time of one, and the size of the answer."""
    for _ in range(3):
        answer = running.browser.get(address)
    if answer.status_code >= 400:
        sys.exit(f"{address} answers {answer.status_code}: there is nothing to measure")
    times, before = [], running.cpu_seconds()
    for _ in range(calls):
        begun = time.perf_counter()
        running.browser.get(address)
        times.append((time.perf_counter() - begun) * 1000)
    return times, (running.cpu_seconds() - before) / calls * 1000, len(answer.content)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


def _percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def _wait_until_up(probe: httpx.Client, base: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit("the web process did not start")
        try:
            if probe.get(f"{base}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    sys.exit("the web process does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
