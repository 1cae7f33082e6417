"""Where the lake's table is registered, and how its files are reached.

Today an SQL catalog on the metadata database. Another kind (AWS Glue, REST) is one more branch in `open_catalog`:
everything else goes through pyiceberg's Catalog and FileIO.
"""

from __future__ import annotations

import os

from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table
from sqlalchemy import Engine, func, select

from staxpipe.lake.schema import TABLE_PROPERTIES, iceberg_schema, partition_spec
from staxpipe.settings import Settings

CATALOG = "staxpipe"
NAMESPACE = "staxpipe"
TABLE = f"{NAMESPACE}.line_items"

OPEN_LOCK = 0x57A8_1A4E  # any number, the same in every version


def open_catalog(settings: Settings, engine: Engine) -> Catalog:
    """The catalog that the settings mean, on the engine's own connections."""
    catalog = SqlCatalog(
        CATALOG,
        uri=engine.url.render_as_string(hide_password=False),
        warehouse=lake_location(settings),
        **storage_properties(settings),
    )
    catalog.engine.dispose()  # pyiceberg makes an engine of its own; ours checks connections before it uses them
    catalog.engine = engine
    return catalog


def open_table(settings: Settings, engine: Engine) -> tuple[Catalog, Table]:
    """The table of line items, made or widened where needed. Two at once wait for each other."""
    with engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(OPEN_LOCK)))
        catalog = open_catalog(settings, engine)
        try:
            return catalog, _widened(catalog.load_table(TABLE))
        except NoSuchTableError:
            catalog.create_namespace_if_not_exists(NAMESPACE)
        schema = iceberg_schema()
        table = catalog.create_table(
            TABLE,
            schema=schema,
            location=f"{lake_location(settings)}/line_items",
            partition_spec=partition_spec(schema),
            # Our files carry names, not Iceberg's field ids: the mapping is what makes them readable.
            properties={**TABLE_PROPERTIES, "schema.name-mapping.default": schema.name_mapping.model_dump_json()},
        )
    return catalog, table


def _widened(table: Table) -> Table:
    """Add the columns and properties that this version of staxpipe has and the table lacks."""
    wanted = iceberg_schema()
    if TABLE_PROPERTIES.items() - table.properties.items():
        with table.transaction() as transaction:
            transaction.set_properties(TABLE_PROPERTIES)
    if set(wanted.column_names) - set(table.schema().column_names):
        with table.update_schema() as update:
            update.union_by_name(wanted)
    return table


def lake_location(settings: Settings) -> str:
    """The lake's root as Iceberg names it: s3://… or file:///…, without a trailing slash."""
    lake = settings.lake
    return lake if lake.startswith(("s3://", "file://")) else f"file://{lake}"


def storage_properties(settings: Settings) -> dict[str, str]:
    """What pyarrow must be told to reach S3; credentials come from its own chain (environment, profile, role)."""
    if not settings.lake.startswith("s3://"):
        return {}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    properties = {"s3.region": settings.region}
    if endpoint:
        properties["s3.endpoint"] = endpoint
    return properties
