"""SQL conditions and column access shared by the repositories of several features."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import col


def get_columns(table: Any) -> Any:  # noqa: ANN401 - a table class; its columns by name
    """Returns the column collection of a table class."""
    return table.__table__.c


def overlaps_days(table: Any, first: date, last: date) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a table class
    """SQL condition: the row's period `starts_on`..`ends_on` (NULL: open) overlaps these days, inclusive."""
    return sa.and_(
        col(table.starts_on) <= last, sa.or_(col(table.ends_on).is_(None), col(table.ends_on) >= first)
    )


def in_date_range(column: Any, first: date | None, last: date | None) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401 - a column
    """Returns conditions `column >= first` and `column <= last`; None leaves that end open."""
    conditions = [] if first is None else [column >= first]
    return conditions if last is None else [*conditions, column <= last]
