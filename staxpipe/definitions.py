"""The Dagster code location: everything in `staxpipe.defs`, put together once."""

from dagster import Definitions, in_process_executor

from staxpipe.defs.assets import delivery, landing, line_items, marts
from staxpipe.defs.comparisons import compare, comparisons_daily
from staxpipe.defs.jobs import forget_deliveries, ingest, notify, verify_links
from staxpipe.defs.organizations import name_accounts, organizations_sensor
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.defs.schedules import expiry_daily, open_months, roles_daily
from staxpipe.defs.sensors import build_sensors
from staxpipe.defs.unlinking import unlink, unlinking_sensor
from staxpipe.settings import Settings, read_settings


def build_defs(settings: Settings) -> Definitions:
    """All assets, jobs, sensors, schedules and resources. Opens nothing: runs and ticks do."""
    return Definitions(
        assets=[delivery, landing, line_items, marts],
        jobs=[ingest, notify, verify_links, compare, forget_deliveries, name_accounts, unlink],
        sensors=[*build_sensors(settings), organizations_sensor(), unlinking_sensor(settings)],
        schedules=[open_months, roles_daily, comparisons_daily, expiry_daily],
        resources={"staxpipe": StaxpipeResource()},
        # One process a run: starting a process for each of four short steps cost more than the steps.
        # Parallelism comes from runs.
        executor=in_process_executor,
    )


defs = build_defs(read_settings())
