"""Conditions and columns that several features' queries are built from."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import col


def get_columns(table: Any) -> Any:  # noqa: ANN401 - a table class; its columns by name
    """The columns of a table, for sums and counts."""
    return table.__table__.c


def overlaps_days(table: Any, first: date, last: date) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a table class
    """Rows whose time, from `starts_on` to `ends_on` (open when empty), touches these days."""
    return sa.and_(
        col(table.starts_on) <= last, sa.or_(col(table.ends_on).is_(None), col(table.ends_on) >= first)
    )


def in_date_range(column: Any, first: date | None, last: date | None) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401 - a column
    """The column's value lies in these days; an open end where one is None."""
    found = [] if first is None else [column >= first]
    return found if last is None else [*found, column <= last]
