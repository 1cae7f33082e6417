"""Runs whose processes are gone are given up; others are left alone."""

from dagster import DagsterInstance, DagsterRunStatus, job, op
from dagster._core.test_utils import create_run_for_test

from staxpipe.defs.lost_runs import give_up_lost_runs


@op
def nothing() -> None:
    """Does nothing."""


@job
def idle() -> None:
    nothing()


def test_only_runs_that_seem_to_go_on_are_given_up() -> None:
    with DagsterInstance.ephemeral() as instance:
        runs: dict[DagsterRunStatus, str] = {
            status: create_run_for_test(instance, job_name=idle.name, status=status).run_id
            for status in DagsterRunStatus
            if status not in (DagsterRunStatus.MANAGED, DagsterRunStatus.QUEUED)  # a queued one needs a code location
        }
        given_up = give_up_lost_runs(instance)
        lost = {DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING}
        assert set(given_up) == {runs[status] for status in lost}
        for status, run_id in runs.items():
            run = instance.get_run_by_id(run_id)
            assert run is not None
            assert run.status == (DagsterRunStatus.FAILURE if status in lost else status)
        assert give_up_lost_runs(instance) == []
