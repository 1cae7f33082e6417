"""What an export is, is learnt bit by bit, and every source is held in one order."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine, select

from staxpipe.db import deliveries as ledger
from staxpipe.db import exports
from staxpipe.db.tables import exports as table
from staxpipe.model import ExportKind
from staxpipe_tests.ledger import a_delivery, add_link, record


def test_the_kind_of_an_export_is_what_was_told_of_it_last(engine: Engine) -> None:
    delivery = a_delivery()

    def recorded(kind: ExportKind) -> ExportKind:
        export = replace(delivery.export, kind=kind)
        with engine.begin() as connection:
            export_id = exports.record(connection, export, None)
            ledger.record_delivery(connection, export_id, None, replace(delivery, export=export))
            return ledger.find(connection, export_id, delivery).delivery.export.kind

    assert recorded(ExportKind.DATA_EXPORT) is ExportKind.DATA_EXPORT
    assert recorded(ExportKind.FOCUS_1_0) is ExportKind.FOCUS_1_0
    assert recorded(ExportKind.DATA_EXPORT) is ExportKind.FOCUS_1_0  # a manifest without columns takes nothing back
    assert recorded(ExportKind.FOCUS_1_2) is ExportKind.FOCUS_1_2


def test_what_a_file_tells_of_its_export_is_kept_and_of_no_other(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        mine = ledger.entry(connection, record(connection, a_delivery()))
        other = ledger.entry(connection, record(connection, a_delivery(source="s3://billing/cur/other")))
        exports.set_kind(connection, mine.export_id, ExportKind.CUR_2_0)
        kinds = [ledger.entry(connection, id_).delivery.export.kind for id_ in (mine.id, other.id)]
    assert kinds == [ExportKind.CUR_2_0, ExportKind.LEGACY_CUR]


def test_of_several_each_is_recorded_once_and_in_the_order_in_which_they_are_held(engine: Engine) -> None:
    sources = [f"s3://billing/cur/{name}" for name in ("b", "Z", "é", "a")]
    found = [replace(a_delivery().export, source=source) for source in sources]
    with engine.begin() as connection:
        ids = exports.record_all(connection, [*found, found[0]], None)
        held = connection.execute(select(table.c.source, table.c.id).order_by(exports.by_source())).all()
    assert list(ids.items()) == [tuple(row) for row in held]
    assert list(ids) == [f"s3://billing/cur/{name}" for name in ("Z", "a", "b", "é")]


def test_what_is_told_last_of_one_source_stays(engine: Engine) -> None:
    told = [replace(a_delivery().export, kind=kind) for kind in (ExportKind.CUR_2_0, ExportKind.DATA_EXPORT)]
    with engine.begin() as connection:
        exports.record_all(connection, told, None)
        assert connection.execute(select(table.c.kind)).scalars().all() == [ExportKind.CUR_2_0]
