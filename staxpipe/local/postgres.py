"""The embedded Postgres: one server as a direct child of this process, on one state folder.

It must survive every way of being stopped: a half-made data folder is made anew, a killed server or parent leaves a
folder that starts again, and what a commit acknowledged is there. Databases and migrations are `database.py`.

Below the state folder: `data` (the server's own), `password`, `port` (the last one), `lock` (held while a server runs),
`postgres.log`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from staxpipe.errors import PermanentError, TransientError
from staxpipe.local.launch import MYSELF, RunAs, launch, who_can_run
from staxpipe.local.lock import FileLock, private_folder, sync_folder, write_private
from staxpipe.local.ports import port_problem
from staxpipe.local.postgres_folder import HOST, last_port, password_file, postmaster_file, runs_on, server_url
from staxpipe.local.postgres_program import INITDB_OPTIONS, SERVER_SETTINGS, program
from staxpipe.local.processes import process_exists

START_SECONDS = 120.0  # crash recovery of a large write-ahead log takes its time
STOP_SECONDS = 30.0
LOG_BYTES = 20_000_000

# What a server says when one before it on the same folder is still going down.
_PREDECESSOR = ("lock file", "pre-existing shared memory block")


class FolderHeldError(PermanentError):
    """Another process runs a server on the folder."""


class EmbeddedPostgres:
    """A Postgres server for this user only, on the loopback interface, with its own password.

    Args:
        folder: where its state is; made for this user only if it does not exist.
        port: 0 takes the port it had last if that is free, else any.
        server_settings: Postgres settings beside SERVER_SETTINGS (tests give up durability for speed).
    """

    def __init__(self, folder: Path, port: int = 0, server_settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder.expanduser().absolute()
        self.port = port
        self._port_given = port != 0
        self._server_settings = {**SERVER_SETTINGS, **(server_settings or {})}
        self._lock = FileLock(self.folder / "lock")
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The server's data folder; it exists only once it is complete."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "postgres.log"

    @property
    def process_id(self) -> int | None:
        """The running server's process id."""
        return self._child.pid if self._child is not None else None

    def url(self, database: str) -> str:
        """A database's address, with the password in it."""
        return server_url(self.folder, self.port, database)

    def running(self) -> bool:
        """Whether the server that was started here still runs."""
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the server that was started here ended; None while it runs, or where none was started."""
        return self._child.poll() if self._child is not None else None

    def start(self, meanwhile: Callable[[], None] | None = None) -> None:
        """Start the server and return when it takes connections; also after it died, on the same port.

        `meanwhile` is called once, while the server comes up.

        Call it from a thread that lives as long as the server should (see `launch`).

        Raises:
            FolderHeldError: another staxpipe runs a server on the folder.
            PermanentError: the port is taken, or this machine cannot run it.
            TransientError: the server did not come up in time.
        """
        if self.running():
            return
        again = self._lock.held
        try:
            private_folder(self.folder)
            if not again:
                self._take_lock()
            run_as = self._run_as()
            self._make_data(run_as)
            self._own_data(run_as)
            self._pick_port(again)
            self._launch(run_as, meanwhile)
        except OSError as error:
            self.stop()
            raise PermanentError(
                f"The database in {self.folder} cannot be used: {error.strerror} ({error.filename}).\n"
                "Mend that, or use another folder by STAXPIPE_HOME."
            ) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, fast and cleanly (open transactions roll back), and let go of the folder."""
        child = self._child
        if child is not None:
            for request, patience in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
                if _ends(child, request, patience):
                    break
            self._child = None
        self._lock.release()

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _take_lock(self) -> None:
        for _ in range(20):  # somebody who only asks whether it is held also holds it, for a moment
            if self._lock.acquire():
                return
            time.sleep(0.02)
        raise FolderHeldError(
            f"Another staxpipe (process {self._lock.holder()}) runs the database in {self.folder}.\n"
            "Stop it first, or use another folder by STAXPIPE_HOME."
        )

    def _run_as(self) -> RunAs:
        if os.geteuid() != 0:
            return MYSELF
        run_as = who_can_run(program("postgres"), self.data)
        if run_as is None:
            raise PermanentError(
                "Postgres refuses to run as root, and this machine lets us start it neither as the user `nobody` "
                "nor in a user namespace.\n"
                "Run staxpipe as an ordinary user, or give a Postgres by STAXPIPE_DATABASE_URL."
            )
        return run_as

    def _make_data(self, run_as: RunAs) -> None:
        """Make the data folder beside its place and move it there when complete: half of one is never taken for one."""
        kept = password_file(self.folder)
        if self.data.exists():
            if not kept.exists():
                raise PermanentError(
                    f"{kept} is missing, and the database beside it cannot be opened without it.\n"
                    "Put the file back, or use another folder by STAXPIPE_HOME."
                )
            return
        if not kept.exists():
            write_private(kept, secrets.token_urlsafe(32))
        making, password = self.folder / "data.new", self.folder / "password.new"
        if making.exists():
            shutil.rmtree(making)
        making.mkdir(mode=0o700)
        write_private(password, kept.read_text())
        for path in (making, password):
            os.chown(path, *run_as.owner)
        child = launch(
            [str(program("initdb")), f"--pgdata={making}", f"--pwfile={password}", *INITDB_OPTIONS],
            environment=_environment(self.folder),
            output=subprocess.PIPE,
            death_signal=signal.SIGKILL,
            run_as=run_as,
        )
        said, _ = child.communicate()
        password.unlink()
        if child.returncode != 0:
            raise PermanentError(
                f"Postgres could not make its data folder in {self.folder}:\n{_tail(said.decode(errors='replace'))}"
            )
        making.rename(self.data)
        sync_folder(self.folder)

    def _own_data(self, run_as: RunAs) -> None:
        """Give the data to whom the server runs as: that changes when root's ways of running it change."""
        if (self.data.stat().st_uid, self.data.stat().st_gid) == run_as.owner:
            return
        for parent, folders, files in os.walk(self.data):
            for name in (*folders, *files):
                os.chown(Path(parent) / name, *run_as.owner, follow_symlinks=False)
        os.chown(self.data, *run_as.owner)  # last, as the sign that all are done

    def _pick_port(self, again: bool) -> None:
        if again:
            return  # others know the address
        if self._port_given:
            if problem := port_problem(HOST, self.port):
                raise PermanentError(
                    f"The embedded Postgres cannot listen on port {self.port}: {problem}.\n"
                    "Choose another by STAXPIPE_POSTGRES_PORT, or 0 for any free one."
                )
            return
        last = last_port(self.folder)
        if last is not None and port_problem(HOST, last) is None:
            self.port = last
            return
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])

    def _launch(self, run_as: RunAs, meanwhile: Callable[[], None] | None) -> None:
        deadline = time.monotonic() + START_SECONDS
        command = [str(program("postgres")), "-D", str(self.data), "-p", str(self.port)]
        for name, value in self._server_settings.items():
            command += ["-c", f"{name}={value}"]
        while True:
            self._clear_predecessor(deadline)
            begin = _open_log(self.log)
            with self.log.open("ab") as output:
                self._child = launch(
                    command,
                    environment=_environment(self.folder),
                    output=output,
                    death_signal=signal.SIGINT,  # fast shutdown
                    run_as=run_as,
                )
            if meanwhile is not None:
                meanwhile()
                meanwhile = None
            if self._becomes_ready(deadline):
                write_private(self.folder / "port", str(self.port))
                return
            said = self.log.read_bytes()[begin:].decode(errors="replace")
            if self.running():
                raise TransientError(f"Postgres in {self.folder} does not come up; see {self.log}.")
            if time.monotonic() < deadline and any(words in said for words in _PREDECESSOR):
                time.sleep(0.2)
                continue
            raise PermanentError(f"Postgres in {self.folder} does not start:\n{_tail(said)}")

    def _becomes_ready(self, deadline: float) -> bool:
        """Wait until `postmaster.pid` is the child's own and says so; False when the child ended or time is up."""
        while self.running() and time.monotonic() < deadline:
            lines = postmaster_file(self.data)
            if len(lines) >= 8 and lines[0] == str(self.process_id) and lines[7].strip() == "ready":
                return True
            time.sleep(0.02)
        return False

    def _clear_predecessor(self, deadline: float) -> None:
        """Wait for a server that outlived its parent (we hold the lock, so nobody uses it), and ask it to end.

        After a restart of the machine the number in its file may be another program's: then the file lies, and
        Postgres, which cannot know, would refuse to start.
        """
        lines = postmaster_file(self.data)
        if not lines or not lines[0].strip().isdigit():
            return
        process = int(lines[0])
        if not process_exists(process):
            return  # Postgres clears the file itself, and checks that no backend is left
        if not runs_on(process, self.data):
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            return
        os.kill(process, signal.SIGINT)
        while process_exists(process) and runs_on(process, self.data):
            if time.monotonic() > deadline:
                raise TransientError(f"An earlier Postgres (process {process}) on {self.data} does not end.")
            time.sleep(0.05)


def _environment(folder: Path) -> dict[str, str]:
    """A clean one: variables such as PGDATA or PGPORT would change what the server does."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": str(folder)}


def _open_log(log: Path) -> int:
    """Where the log ends now; a long one is put aside first."""
    if not log.exists():
        log.touch(mode=0o600)
    if log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
        log.touch(mode=0o600)
    return log.stat().st_size


def _ends(child: subprocess.Popen[bytes], request: signal.Signals, seconds: float) -> bool:
    """Ask it to end until it has, for so long: a server that has only just begun does not hear a signal yet."""
    deadline = time.monotonic() + seconds
    while child.poll() is None and time.monotonic() < deadline:
        child.send_signal(request)
        with suppress(subprocess.TimeoutExpired):
            child.wait(1.0)
    return child.poll() is not None


def _tail(said: str, lines: int = 8) -> str:
    return "\n".join(f"  {line}" for line in said.strip().splitlines()[-lines:])
