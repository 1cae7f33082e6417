"""dagster.yaml, its production example and workspace.yaml mean to Dagster what they should."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # only read here
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dagster_aws.ecs import EcsRunLauncher
from dagster_aws.s3 import S3ComputeLogManager

from staxpipe.defs.run_launcher import LocalRunLauncher
from staxpipe.shipped import shipped
from staxpipe_tests.local.conftest import CHECKOUT

HERE = shipped("dagster.yaml")
PRODUCTION = CHECKOUT / "deploy" / "dagster.production.yaml"


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> None:
    for name, value in {
        "STAXPIPE_DAGSTER_DATABASE_URL": database_url,
        "STAXPIPE_CONCURRENT_RUNS": "3",
        "STAXPIPE_DAGSTER_COMPUTE_LOGS": str(tmp_path / "logs"),
        "STAXPIPE_DAGSTER_ARTIFACTS": str(tmp_path / "artifacts"),
        "STAXPIPE_LOG_BUCKET": "logs-of-runs",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "ECS_CONTAINER_METADATA_URI_V4": "",
    }.items():
        monkeypatch.setenv(name, value)


def loaded(path: Path, home: Path) -> InstanceRef:
    """A configuration as Dagster's own loading understands it."""
    home.mkdir()
    shutil.copy(path, home / "dagster.yaml")
    return InstanceRef.from_dir(str(home))


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("path", [HERE, PRODUCTION], ids=["here", "production"])
def test_limits_retries_and_privacy(path: Path, tmp_path: Path) -> None:
    ref = loaded(path, tmp_path / "home")
    coordinator = ref.run_coordinator
    assert isinstance(coordinator, QueuedRunCoordinator)
    queue = coordinator.get_run_queue_config()
    assert queue.max_concurrent_runs == 3
    assert queue.tag_concurrency_limits == [
        {"key": "dagster/partition/account", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
    ]
    assert queue.max_user_code_failure_retries * queue.user_code_failure_retry_delay >= 120, (
        "a restart of the code server"
    )
    settings: dict[str, Any] = dict(ref.settings)
    assert settings["run_retries"]["enabled"] is True
    assert settings["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert settings["telemetry"] == {"enabled": False}
    assert settings["sensors"] == {"use_threads": True, "num_workers": 4, "num_submit_workers": 6}
    assert settings["run_monitoring"]["enabled"] is True


@pytest.mark.usefixtures("variables")
def test_on_one_machine_runs_are_processes_and_the_instance_works_on_postgres(tmp_path: Path) -> None:
    ref = loaded(HERE, tmp_path / "home")
    assert isinstance(ref.run_launcher, LocalRunLauncher)
    with DagsterInstance.from_ref(ref) as instance:
        instance.add_dynamic_partitions("accounts", ["123456789012"])
        assert instance.get_dynamic_partitions("accounts") == ["123456789012"]
        assert type(instance.run_storage).__name__ == "PostgresRunStorage"
        assert not instance.telemetry_enabled


@pytest.mark.usefixtures("variables")
def test_in_production_runs_are_ecs_tasks_and_logs_go_to_s3(tmp_path: Path) -> None:
    ref = loaded(PRODUCTION, tmp_path / "home")
    logs = ref.compute_log_manager
    assert isinstance(logs, S3ComputeLogManager)
    assert logs._s3_bucket == "logs-of-runs"
    launcher = ref.run_launcher
    assert isinstance(launcher, EcsRunLauncher)
    assert launcher.use_current_ecs_task_config
    assert not launcher.include_sidecars
    assert launcher.supports_check_run_worker_health


def test_every_variable_of_the_production_example_is_explained_in_it() -> None:
    written = PRODUCTION.read_text()

    def variables_in(value: object) -> set[str]:
        if isinstance(value, dict):
            if set(value) == {"env"}:
                return {str(value["env"])}
            return set().union(*(variables_in(child) for child in value.values()))
        if isinstance(value, list):
            return set().union(*map(variables_in, value))
        return set()

    comments = "\n".join(line for line in written.splitlines() if line.startswith("#"))
    for name in variables_in(yaml.safe_load(written)):
        assert name in comments


def test_the_workspace_is_one_location_of_ours() -> None:
    origins = location_origins_from_yaml_paths([str(shipped("workspace.yaml"))])
    (origin,) = origins
    assert origin.location_name == "staxpipe"
    assert "staxpipe.definitions" in str(origin.loadable_target_origin)
