"""Everything that `staxpipe up` runs on one machine, put together: database, Dagster, pages.

`up` and the demo use it; how services are kept alive is `supervisor.py`.
"""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url

from staxpipe.db import audit_log
from staxpipe.db.engine import make_engine, psycopg2_url
from staxpipe.db.link_requests import OPERATOR
from staxpipe.db.migrate import migrate
from staxpipe.db.sign_in_links import issue
from staxpipe.errors import PermanentError
from staxpipe.local import address, dagster_home
from staxpipe.local.database import DAGSTER_DATABASE, DATABASE, create_databases, embedded_folder, ensure_database
from staxpipe.local.lock import FileLock, private_folder
from staxpipe.local.ports import port_problem
from staxpipe.local.postgres import EmbeddedPostgres
from staxpipe.local.processes import ChildProcess, Service, describe_exit, end_marked
from staxpipe.local.supervisor import Supervisor
from staxpipe.local.terminal import whereabouts
from staxpipe.settings import Settings

DATABASE_SECONDS = 150.0
SERVICES_SECONDS = 180.0  # importing Dagster three times on two slow cores
SIGN_IN_LIFETIME = timedelta(hours=12)


@dataclass
class DatabaseService:
    """The embedded Postgres as a service: whenever it runs, both databases exist and ours is migrated."""

    server: EmbeddedPostgres
    name: str = "database"

    @property
    def hint(self) -> str:
        """Where its log is."""
        return f" More is in {self.server.log}."

    def start(self) -> None:
        """Start it and return when it can be used."""
        self.server.start()
        create_databases(self.server)

    def died(self) -> str | None:
        """How it ended, in words; None while it runs."""
        code = self.server.exit_code
        return None if code is None else describe_exit(code)

    def healthy(self) -> bool:
        """Whether it runs; `start` returned when it could be used."""
        return self.server.running()

    def ask_to_stop(self) -> None:
        """Nothing: `stop` is quick."""

    def stop(self, patience: float) -> None:  # noqa: ARG002  # the server has limits of its own
        """Stop it; open transactions roll back."""
        self.server.stop()


class Runtime:
    """The running platform. All calls come from one thread that lives as long as it does.

    Args:
        settings: every setting; a port of 0 becomes any free one.
        say: is told what people should know, a line at a time.
        variables: more environment for the programs (the demo points AWS at its stand-in).
    """

    def __init__(
        self,
        settings: Settings,
        say: Callable[[str], None] = lambda line: None,  # noqa: ARG005
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = with_free_ports(settings)
        self.home = settings.home.expanduser().absolute()
        self.logs = self.home / "logs"
        self.database_url = ""
        self._variables = dict(variables or {})
        self._say = say
        self._supervisor = Supervisor(say)
        self._lock = FileLock(self.home / address.LOCK)
        self._mark = f"STAXPIPE_STARTED_FOR={self.home}"  # in the environment of every program that we start
        self._engines = ExitStack()
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The metadata database."""
        if self._engine is None:
            raise RuntimeError("the runtime was not started")
        return self._engine

    def start(self, stop: Event, progress: Callable[[str], None] = lambda line: None) -> None:  # noqa: ARG005
        """Start everything; return when all of it answers, or when `stop` is set.

        Raises:
            PermanentError: a port is taken, another `up` runs here, or the database cannot be used.
            TransientError: something did not come up.
        """
        private_folder(self.home)
        self._take_lock()
        try:
            # Programs of an `up` that was killed may need a while to notice. We hold the lock: nobody needs them.
            end_marked(self._mark)
            self._check_ports()
            address.remember(self.home, self.settings.base_url)
            progress("Starting the database")
            self.database_url, dagster_url = self._start_database(stop)
            self._engine = self._engines.enter_context(_disposing(make_engine(self.database_url)))
            migrate(self._engine)
            progress("Preparing Dagster")
            variables = {
                **dagster_home.environment(self.settings, self.database_url, dagster_url),
                **self._variables,
                **dict([self._mark.split("=", 1)]),
            }
            folder = dagster_home.dagster_home(self.settings)
            dagster_home.write_dagster_home(folder)
            dagster_database = self._engines.enter_context(_disposing(create_engine(dagster_url, pool_pre_ping=True)))
            dagster_home.prepare_database(folder, dagster_database, variables)
            progress("Starting Dagster and the pages")
            private_folder(self.logs)
            programs = services(self.settings, folder, self.logs, variables, dagster_database)
            self._supervisor.start(programs, SERVICES_SECONDS, stop)
            if not stop.is_set() and (problem := dagster_home.code_location_problem(local_url(self.settings))):
                raise PermanentError(f"Dagster cannot load staxpipe.definitions: {problem.strip()}")
        except BaseException:
            self.stop()
            raise

    def supervise(self, stop: Event) -> None:
        """Start again what dies, until `stop` is set."""
        self._supervisor.supervise(stop)

    def stop(self) -> None:
        """Stop everything; a second Ctrl-C during it ends the patience."""
        try:
            self._supervisor.stop()
        except KeyboardInterrupt:
            self._supervisor.stop(patience=0)
        if self._lock.held:
            end_marked(self._mark)
        self._engines.close()
        self._lock.release()

    def sign_in_link(self) -> str:
        """An address that signs the operator in, once."""
        with self.engine.begin() as connection:
            token = issue(connection, datetime.now(UTC), SIGN_IN_LIFETIME)
            audit_log.record(connection, OPERATOR, "sign-in-link.made", "session", "done", whereabouts())
        return f"{self.settings.base_url}/sign-in/{token}"

    def _take_lock(self) -> None:
        if not self._lock.acquire():
            raise PermanentError(
                f"staxpipe runs on {self.home} already (process {self._lock.holder()}).\n"
                "Stop that one first, or use another folder by STAXPIPE_HOME."
            )

    def _check_ports(self) -> None:
        host, settings = self.settings.host, self.settings
        wanted = [("WEB", host, settings.web_port), ("DAGSTER", host, settings.dagster_port)]
        if settings.database_url is None and settings.postgres_port:
            wanted.append(("POSTGRES", "127.0.0.1", settings.postgres_port))
        problems = [
            f"  STAXPIPE_{name}_PORT: nothing can listen on {address}:{port}: {problem}"
            for name, address, port in wanted
            if (problem := port_problem(address, port))
        ]
        if problems:
            raise PermanentError("\n".join(["staxpipe cannot start; choose other ports:", *problems]))

    def _start_database(self, stop: Event) -> tuple[str, str]:
        """Addresses of our database and of Dagster's."""
        if self.settings.database_url is not None:
            ours = psycopg2_url(self.settings.database_url.get_secret_value())
            given = self.settings.dagster_database_url
            if given is not None:
                theirs = psycopg2_url(given.get_secret_value())
            else:
                theirs = make_url(ours).set(database=DAGSTER_DATABASE).render_as_string(hide_password=False)
            ensure_database(theirs, beside=str(make_url(ours).database))
            return ours, theirs
        server = EmbeddedPostgres(embedded_folder(self.settings), self.settings.postgres_port)
        self._supervisor.start([DatabaseService(server)], DATABASE_SECONDS, stop)
        return server.url(DATABASE), server.url(DAGSTER_DATABASE)


def services(
    settings: Settings, home: Path, logs: Path, variables: Mapping[str, str], dagster_database: Engine
) -> list[Service]:
    """The programs that run beside the database."""
    began = datetime.now(UTC)
    python, workspace = sys.executable, str(home / "workspace.yaml")
    dagster_url = local_url(settings)
    webserver = (python, "-m", "dagster_webserver", "-w", workspace, "-h", settings.host)
    return [
        ChildProcess(
            "Dagster UI",
            (*webserver, "-p", str(settings.dagster_port)),
            variables,
            logs / "dagster-ui.log",
            lambda: dagster_home.answers(f"{dagster_url}/server_info"),
        ),
        ChildProcess(
            "Dagster daemon",
            (python, "-m", "dagster._daemon", "run", "-w", workspace),
            variables,
            logs / "dagster-daemon.log",
            lambda: dagster_home.daemon_beats(dagster_database, began),
        ),
        ChildProcess(
            "page server",
            (python, "-m", "staxpipe.onboarding"),
            variables,
            logs / "pages.log",
            lambda: dagster_home.answers(f"http://{_reachable(settings.host)}:{settings.web_port}/healthz"),
        ),
    ]


def with_free_ports(settings: Settings) -> Settings:
    """The settings with free ports where they ask for any."""
    chosen: dict[str, int] = {}
    with ExitStack() as held:  # all at once, so that they differ
        for name in ("web_port", "dagster_port"):
            if getattr(settings, name) == 0:
                probe = held.enter_context(socket.socket())
                probe.bind(("127.0.0.1", 0))
                chosen[name] = probe.getsockname()[1]
    return settings.model_copy(update=chosen)


def local_url(settings: Settings) -> str:
    """The Dagster UI as this machine reaches it."""
    return f"http://{_reachable(settings.host)}:{settings.dagster_port}"


def stop_on_signals(stop: Event) -> None:
    """Let Ctrl-C and SIGTERM set the event; a second Ctrl-C interrupts. Main thread only."""

    def handle(number: int, frame: object) -> None:  # noqa: ARG001  # what Python passes
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)


@contextmanager
def running(
    settings: Settings,
    say: Callable[[str], None] = lambda line: None,  # noqa: ARG005
    variables: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> Iterator[Runtime]:
    """The platform, up and supervised while the context lasts (in a thread of its own: the caller does other things).

    Raises:
        StaxpipeError: it could not be started.
    """
    runtime = Runtime(settings, say, variables)
    stop, up = Event(), Event()
    failure: list[BaseException] = []

    def live() -> None:
        try:
            runtime.start(stop, progress)
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            failure.append(error)
            return
        finally:
            up.set()
        try:
            runtime.supervise(stop)
        finally:
            runtime.stop()

    thread = Thread(target=live, name="runtime")
    thread.start()
    try:
        up.wait()
        if failure:
            raise failure[0]
        yield runtime
    finally:
        stop.set()
        thread.join()


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  # compared, not bound


@contextmanager
def _disposing(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()
