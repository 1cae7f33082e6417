from __future__ import annotations

from sqlalchemy import Engine, text

from staxpipe.warehouse.tables import DAILY_COSTS_VIEW


def test_migrations_make_the_view_that_is_declared(engine: Engine) -> None:
    declared = DAILY_COSTS_VIEW.replace("CREATE VIEW daily_costs ", "CREATE VIEW declared ")
    with engine.begin() as connection:
        connection.execute(text(declared))
        definition = "SELECT pg_get_viewdef(CAST(:view AS regclass))"
        migrated = connection.scalar(text(definition), {"view": "daily_costs"})
        assert migrated == connection.scalar(text(definition), {"view": "declared"})


def test_who_does_not_ask_for_names_does_not_pay_for_them(engine: Engine) -> None:
    def plan(columns: str) -> str:
        with engine.connect() as connection:
            return "\n".join(connection.execute(text(f"EXPLAIN SELECT {columns} FROM daily_costs")).scalars())

    assert "accounts" not in plan("sum(billed_cost)"), "the join can neither add nor take away a row: it is dropped"
    assert "accounts" in plan("sub_account_name")
