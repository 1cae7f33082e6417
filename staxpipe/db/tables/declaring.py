"""What the declarations of tables share: the MetaData that holds them all, and columns and rules that recur."""

from sqlalchemy import CheckConstraint, Column, DateTime, MetaData, func

from staxpipe.model import DeliveryState, LinkState, RequestState, Severity

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ACCOUNT_RULE = "~ '^[0-9]{12}$'"


def now(name: str) -> Column[object]:
    """A time that is that of the row where nothing else is said."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def moment(name: str) -> Column[object]:
    """The time of something that may not have happened."""
    return Column(name, DateTime(timezone=True), nullable=True)


def one_of(column: str, values: type[RequestState | LinkState | DeliveryState | Severity]) -> CheckConstraint:
    """That a column holds one of these values."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)
