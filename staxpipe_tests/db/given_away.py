"""A database whose audit log is not staxpipe's own any more, as docs/security.md tells an administrator to do."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, inspect

SECURITY_PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"


def become_staxpipe_app(connection: Connection) -> None:
    """Run what the page says, and be the application's user until the transaction ends.

    It must not be committed: a role belongs to the whole server.
    """
    [advice] = re.findall(r"```sql\n(CREATE ROLE .*?)```", SECURITY_PAGE.read_text(), re.DOTALL)
    assert "DATABASE staxpipe " in advice
    database = connection.engine.url.database
    connection.exec_driver_sql("CREATE ROLE staxpipe_app")
    connection.exec_driver_sql(f"ALTER DATABASE {database} OWNER TO staxpipe_app")
    of_app = inspect(connection)
    for name in (*of_app.get_table_names(), *of_app.get_view_names()):
        connection.exec_driver_sql(f"ALTER TABLE {name} OWNER TO staxpipe_app")
    connection.exec_driver_sql("ALTER FUNCTION refuse_to_change_audit_log() OWNER TO staxpipe_app")
    connection.exec_driver_sql(advice.replace("DATABASE staxpipe ", f"DATABASE {database} "))
    connection.exec_driver_sql("SET LOCAL ROLE staxpipe_app")
