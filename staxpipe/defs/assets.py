"""The pipeline: delivery → landing → line_items → marts, for one account and month at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    MaterializeResult,
    MetadataValue,
    asset,
)

from staxpipe.aws.sessions import operator_session
from staxpipe.db import deliveries as ledger
from staxpipe.db import links as link_queries
from staxpipe.db import results
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.db.links import Link
from staxpipe.db.reconciliations import identities_of, lines_of
from staxpipe.defs.doctor import doctor_check, doctor_check_spec
from staxpipe.defs.failures import RETRY, in_dagsters_words
from staxpipe.defs.metadata import (
    charges_table,
    column_schema,
    findings_table,
    identities_table,
    ledger_table,
    small_table,
    source_table,
    totals,
)
from staxpipe.defs.partitions import ACCOUNT_MONTHS, account_month
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.doctor.keeping import kept
from staxpipe.errors import AccessError, PermanentError, StaxpipeError
from staxpipe.focus.columns import LINE_ITEM_SCHEMA
from staxpipe.ingest.discovery import discover_link
from staxpipe.ingest.exclusive import UnlinkedError
from staxpipe.ingest.landing import land, landed_file
from staxpipe.ingest.line_items import Built, ReconciliationError, build_line_items
from staxpipe.ingest.marts import publish
from staxpipe.ingest.outcome import outcome_recorded
from staxpipe.ingest.pinning import pin, pinned
from staxpipe.ingest.platform import Platform
from staxpipe.linking.reverify import reverify
from staxpipe.model import DeliveryState, Finding, Severity

ONLY_NEW = "staxpipe/only_new"
"""Run tag: work on what is new and leave a month alone that has nothing new (a backfill loads it again)."""

IN_THE_LAKE = frozenset({DeliveryState.COMMITTED, DeliveryState.LOADED})

Result = TypeVar("Result")


@asset(
    partitions_def=ACCOUNT_MONTHS,
    group_name="ingest",
    retry_policy=RETRY,
    kinds={"aws", "s3"},
    check_specs=[doctor_check_spec("delivery")],
)
def delivery(context: AssetExecutionContext, staxpipe: StaxpipeResource) -> Iterator[MaterializeResult[None]]:
    """The newest delivery of each export that holds the month, pinned: manifest, file list, ETags."""
    account, period = account_month(context.partition_key)
    with in_dagsters_words():
        with staxpipe.engine.connect() as connection:
            links = link_queries.by_account(connection, account)
        if not links and _again(context):
            raise PermanentError(f"Account {account} has no active link: it was never linked, or access was paused.")
        if not links:
            context.log.info(
                "Account %s was unlinked or paused before this run began: there is nothing to do.", account
            )
        unreadable = _look_into_all(context, staxpipe, links)
        entries = pin(staxpipe.engine, account, period, context.run.run_id, _again(context))
        with staxpipe.engine.connect() as connection:
            lacking = ledger.incomplete(connection, account, period)
        if not entries and unreadable:
            raise unreadable[0]
        if not entries and _again(context):
            reason = lacking[0].error if lacking else None
            raise PermanentError(reason or f"The linked buckets of account {account} hold no delivery for {period}.")
        for entry in lacking:
            context.log.warning("A newer delivery cannot be loaded: %s", entry.error)
        with staxpipe.engine.connect() as connection:
            reports = [report for link in links if (report := kept(connection, link.request_id)) is not None]
    yield MaterializeResult(
        check_results=[doctor_check(reports)],
        metadata={
            "deliveries": len(entries),
            "files": sum(len(entry.delivery.files) for entry in entries),
            "bytes": sum(file.size for entry in entries for file in entry.delivery.files),
            "pinned": small_table(
                {
                    "export": entry.delivery.export.source,
                    "delivery": entry.delivery.delivery_id,
                    "delivered": entry.delivery.delivered_at.isoformat(timespec="seconds"),
                    "files": len(entry.delivery.files),
                    "state": entry.state.value,
                }
                for entry in entries
            ),
        },
    )


@asset(partitions_def=ACCOUNT_MONTHS, group_name="ingest", retry_policy=RETRY, deps=[delivery], kinds={"s3"})
def landing(context: AssetExecutionContext, staxpipe: StaxpipeResource) -> MaterializeResult[None]:
    """The delivery's files in our own store, each verified."""

    def step(platform: Platform, entry: LedgerEntry) -> Mapping[str, str | int]:
        with platform.engine.connect() as connection:
            link = link_queries.get(connection, entry.link_id or "")
        landed = land(platform.engine, platform.landing, staxpipe.bucket(link), entry)
        return {
            "delivery": entry.delivery.delivery_id,
            "files": landed.files,
            "bytes": landed.bytes,
            "copied now": landed.copied,
            "state": "replaced by a newer delivery meanwhile" if landed.replaced else "complete",
        }

    done = _each(context, staxpipe, step, set(DeliveryState))
    return MaterializeResult(metadata={"bytes": sum(int(row["bytes"]) for row in done), "landed": small_table(done)})


@asset(
    partitions_def=ACCOUNT_MONTHS,
    group_name="ingest",
    retry_policy=RETRY,
    deps=[landing],
    kinds={"iceberg", "parquet"},
    check_specs=[
        AssetCheckSpec(
            "reconciles",
            asset="line_items",
            blocking=True,
            description="What was written adds up to what AWS delivered: rows, and cost to the cent per currency.",
        )
    ],
    metadata={"dagster/column_schema": column_schema(LINE_ITEM_SCHEMA)},
)
def line_items(
    context: AssetExecutionContext, staxpipe: StaxpipeResource
) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
    """FOCUS 1.2 rows in the lake, committed at once and only if they reconcile with the delivery."""

    def step(platform: Platform, entry: LedgerEntry) -> Built:
        return build_line_items(platform, entry, partial(landed_file, platform.landing, entry))

    try:
        built = _each(context, staxpipe, step, {DeliveryState.LANDED, *IN_THE_LAKE})
    except Exception as error:
        # The check must say so before the step fails: a failed step's results are not recorded.
        if isinstance(error.__cause__, ReconciliationError):
            yield _check(error.__cause__.reconciliation.findings, passed=False, severity=AssetCheckSeverity.ERROR)
        raise
    found = [finding for result in built for finding in result.findings]
    with staxpipe.engine.connect() as connection:
        source = [total for result in built for total in results.sums_of(connection, result.entry.id, "source")]
        focus = [total for result in built for total in results.sums_of(connection, result.entry.id, "focus")]
        lines = [line for result in built for line in lines_of(connection, result.entry.id)]
        compared = [identity for result in built for identity in identities_of(connection, result.entry.id)]
    quarantined = sum(result.tally.rows_quarantined for result in built)
    yield MaterializeResult(
        metadata={
            "dagster/row_count": sum(result.tally.rows_written for result in built),
            "rows_read": sum(result.tally.rows_read for result in built),
            "rows_quarantined": quarantined,
            **totals(focus),
            "ledger": ledger_table(lines),
            "identities": identities_table(compared),
            "charges": charges_table(focus),
            "line_item_types": source_table(source),
            "findings": findings_table(found),
            "snapshots": MetadataValue.text(", ".join(str(result.snapshot_id) for result in built) or "none"),
        },
        check_results=[_check(found, passed=quarantined == 0, severity=AssetCheckSeverity.WARN)],
    )


@asset(partitions_def=ACCOUNT_MONTHS, group_name="ingest", retry_policy=RETRY, deps=[line_items], kinds={"postgres"})
def marts(context: AssetExecutionContext, staxpipe: StaxpipeResource) -> MaterializeResult[None]:
    """The month in Postgres: daily costs, ledger and outbox, swapped in one transaction."""

    def step(platform: Platform, entry: LedgerEntry) -> Mapping[str, str | int]:
        published = publish(platform, entry)
        return {"delivery": entry.delivery.delivery_id, "rows": published.rows}

    done = _each(context, staxpipe, step, IN_THE_LAKE)
    _account, period = account_month(context.partition_key)
    with in_dagsters_words(), staxpipe.engine.connect() as connection:
        entries = ledger.of_run(connection, context.run.run_id, period)
        focus = [total for entry in entries for total in results.sums_of(connection, entry.id, "focus")]
        # What could be loaded is published; only now the run may end red for what could not.
        failed = [entry for entry in entries if entry.error is not None]
        if failed:
            raise PermanentError(" ".join(entry.error or "" for entry in failed))
    return MaterializeResult(
        metadata={
            "dagster/row_count": sum(int(row["rows"]) for row in done),
            **totals(focus),
            "published": small_table(done),
        }
    )


def _look_into_all(
    context: AssetExecutionContext, staxpipe: StaxpipeResource, links: Sequence[Link]
) -> list[StaxpipeError]:
    """List the buckets of all links; returns why some could not be, for that keeps no other from being loaded."""
    errors: list[StaxpipeError] = []
    for link in links:
        try:
            discover_link(staxpipe.engine, staxpipe.settings, link, staxpipe.bucket(link), datetime.now(UTC))
        except StaxpipeError as error:
            context.log.warning("%s could not be listed: %s", link.bucket, error)
            errors.append(error)
    return errors


def _again(context: AssetExecutionContext) -> bool:
    return ONLY_NEW not in context.run.tags


def _each(
    context: AssetExecutionContext,
    staxpipe: StaxpipeResource,
    step: Callable[[Platform, LedgerEntry], Result],
    ready: Set[DeliveryState],
) -> list[Result]:
    """Do a step for each delivery that the run pinned; one that fails does not keep the others from it.

    The step fails only where nothing came of it; `marts` ends the run red for what failed beside something else.
    """
    account, period = account_month(context.partition_key)
    with in_dagsters_words():
        platform = staxpipe.platform()
        with staxpipe.engine.begin() as connection:
            entries = pinned(connection, account, period, context.run.run_id, _again(context))
        early = [entry for entry in entries if entry.state not in ready]
        if early:
            raise PermanentError(
                f"{period} of account {account} is only {early[0].state}: materialise the steps before this one, too."
            )
        done: list[Result] = []
        failed: list[StaxpipeError] = []
        for entry in entries:
            context.log.info("%s %s: delivery %s", entry.delivery.export.source, period, entry.delivery.delivery_id)
            try:
                with outcome_recorded(platform, entry):
                    done.append(step(platform, entry))
            except UnlinkedError as error:
                context.log.warning("%s", error)
            except AccessError as error:
                failed.append(error)
                _verify_again(staxpipe, entry)
            except StaxpipeError as error:
                failed.append(error)
        if failed and not done:
            # A transient one first: trying again helps it, and skips what is failed for good.
            raise min(failed, key=lambda error: isinstance(error, PermanentError))
    return done


def _verify_again(staxpipe: StaxpipeResource, entry: LedgerEntry) -> None:
    """Access was refused: find out now, not tomorrow, whether the role still holds."""
    if entry.link_id is not None:
        operator = operator_session(staxpipe.settings)
        reverify(staxpipe.engine, staxpipe.settings, operator, datetime.now(UTC), only=[entry.link_id], seconds=20)


def _check(found: Sequence[Finding], passed: bool, severity: AssetCheckSeverity) -> AssetCheckResult:
    worst = [finding.message for finding in found if finding.severity is not Severity.INFO]
    return AssetCheckResult(
        check_name="reconciles",
        passed=passed,
        severity=severity,
        description=" ".join(worst) or "Rows and costs add up.",
        metadata={"findings": findings_table(found)},
    )
