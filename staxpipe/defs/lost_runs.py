"""Giving up runs whose processes cannot exist any more (``python -m staxpipe.defs.lost_runs``).

`staxpipe up` runs this before it starts the daemon, when the machine or everything on it was killed: a run that seems
to go on would hold its account's only place for ever. The daemon then repeats it as it does any lost run.
"""

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

UNFINISHED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


def give_up_lost_runs(instance: DagsterInstance) -> list[str]:
    """Mark every run that seems to go on as failed; returns their ids. Call it only while no run can be alive."""
    given_up = []
    for run in instance.get_runs(filters=RunsFilter(statuses=UNFINISHED)):
        instance.report_run_failed(run, "The process of this run was lost: staxpipe was stopped by force.")
        given_up.append(run.run_id)
    return given_up


if __name__ == "__main__":
    with DagsterInstance.get() as dagster_instance:
        give_up_lost_runs(dagster_instance)
