"""Runs as processes of this machine (dagster.yaml), with the one thing that Dagster's own launcher lacks: whether a
run's process is still there.

The code server reports a worker that died. Where it dies itself, or the database is down at that moment, nobody does,
and the run would hold its account's only place until the next `staxpipe up`. With this, Dagster's run monitoring finds
it, and the run is repeated like any lost one. That may safely be wrong: whoever loads a month holds its lock.
"""

from dagster import DagsterEventType, DagsterRun, DefaultRunLauncher
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

from staxpipe.local.processes import process_alive


class LocalRunLauncher(DefaultRunLauncher):
    """Launches runs as `DefaultRunLauncher` does, and can tell whether they live. Daemon and runs share a machine."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes: run monitoring asks about every run that has begun."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process that the run named as its own is alive; one that named none has not begun."""
        process = self._process_of(run)
        if process is None or process_alive(process):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"The run's process, {process}, has gone.")

    def _process_of(self, run: DagsterRun) -> int | None:
        for entry in self._instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
            event = entry.dagster_event
            if event is not None and (named := event.engine_event_data.metadata.get("pid")) is not None:
                return int(str(named.value))
        return None
