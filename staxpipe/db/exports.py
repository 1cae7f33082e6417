"""Exports: what AWS delivers to, by its address, and by whose link it came.

Queries only; each takes a Connection whose transaction the caller owns. Their deliveries are in `deliveries`.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, collate, func, update
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import exports
from staxpipe.model import Export, ExportKind


def record(connection: Connection, export: Export, link_id: str | None) -> int:
    """The export's id; it is added when its source is new.

    What an export is may be known only later, and its owner may change its table: the kind that is told last
    stays, unless it is DATA_EXPORT, which says that it is not known.
    """
    values = {"name": export.name, "kind": export.kind, "owner": export.owner, "link_id": link_id}
    statement = upsert(exports).values(source=export.source, **values)
    # DO UPDATE rather than DO NOTHING: only then does RETURNING answer for a row that was there.
    export_id: int = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["source"],
            set_={
                "owner": export.owner,
                "link_id": func.coalesce(statement.excluded.link_id, exports.c.link_id),
                "kind": func.coalesce(func.nullif(statement.excluded.kind, ExportKind.DATA_EXPORT), exports.c.kind),
            },
        ).returning(exports.c.id)
    ).scalar_one()
    return export_id


def record_all(connection: Connection, found: Iterable[Export], link_id: str | None) -> dict[str, int]:
    """Record several exports, and hold them until the caller's transaction ends; returns their ids by source.

    In the order of `by_source`, as everybody who holds more than one: two who held them in other orders would wait for
    each other for ever.
    """
    in_order = sorted(dict.fromkeys(found), key=lambda export: export.source)
    return {export.source: record(connection, export, link_id) for export in in_order}


def by_source() -> ColumnElement[str]:
    """The order in which exports are held: of the sources' code points, as Python sorts, whatever the database's."""
    return collate(exports.c.source, "C")


def set_kind(connection: Connection, export_id: int, kind: ExportKind) -> None:
    """What an export turned out to be when a file of it was read."""
    connection.execute(update(exports).where(exports.c.id == export_id).values(kind=kind))
