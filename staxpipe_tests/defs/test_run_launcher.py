"""Whether a run lives is asked of its process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, job
from dagster._core.events import EngineEventData
from dagster._core.launcher import WorkerStatus
from dagster._core.test_utils import create_run_for_test, instance_for_test

from staxpipe.defs.run_launcher import LocalRunLauncher


@job
def idle() -> None:
    """Does nothing."""


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    launcher = {"module": "staxpipe.defs.run_launcher", "class": "LocalRunLauncher"}
    with instance_for_test(overrides={"run_launcher": launcher}) as instance:
        yield instance


@pytest.fixture
def run(instance: DagsterInstance) -> DagsterRun:
    begun: DagsterRun = create_run_for_test(instance, job_name=idle.name, status=DagsterRunStatus.STARTED)
    return begun


def health(instance: DagsterInstance, run: DagsterRun) -> WorkerStatus:
    launcher = instance.run_launcher
    assert isinstance(launcher, LocalRunLauncher)
    assert launcher.supports_check_run_worker_health
    return launcher.check_run_worker_health(run).status


def begun_by(instance: DagsterInstance, run: DagsterRun, process: int) -> None:
    """What Dagster writes when a run's process has come up."""
    instance.report_engine_event("Launching", run)
    instance.report_engine_event("Started process for run", run, EngineEventData.in_process(process))


def test_a_run_lives_as_long_as_its_process(instance: DagsterInstance, run: DagsterRun) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        begun_by(instance, run, process.pid)
        assert health(instance, run) is WorkerStatus.RUNNING
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert health(instance, run) is WorkerStatus.NOT_FOUND


def test_a_run_that_named_no_process_is_not_given_up(instance: DagsterInstance, run: DagsterRun) -> None:
    instance.report_engine_event("Launching", run)
    assert health(instance, run) is WorkerStatus.RUNNING
