"""Taking the rows of a table one by one: a savepoint for each, refusals told at their cells."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from shared.errors import ApiError
from shared.imports.models import RowOutcome
from shared.spreadsheets import Column, SheetRow, column_text
from shared.unit_of_work import UnitOfWork


async def take_each_row(
    work: UnitOfWork, rows: Sequence[SheetRow], take: Callable[[SheetRow], Awaitable[RowOutcome]]
) -> list[RowOutcome]:
    """The outcome of every row; what `take` refuses with an ApiError becomes errors of its row."""
    outcomes = []
    for row in rows:
        outcome = RowOutcome()
        if row.is_valid:
            try:
                async with work.session.begin_nested():
                    outcome = await take(row)
            except ApiError as error:
                add_refusal(row, error)
        outcomes.append(outcome)
    return outcomes


def add_refusal(row: SheetRow, error: ApiError) -> None:
    """Add what a service refused to the cells of a row."""
    if error.status >= 500:  # noqa: PLR2004 - no fault of the row
        raise error
    for one in error.errors:
        key = one.pointer.strip("/").split("/")[0]
        row.add_error(key if key in row.titles else "", one.detail)
    if not error.errors:
        row.add_error("", error.detail)


def list_differences(
    columns: Iterable[Column], row: SheetRow, known: dict[str, object]
) -> list[dict[str, str]]:
    """The columns in which a row differs from what is known, both as the table shows them; empty cells say nothing."""
    differs = []
    for column in columns:
        if column.key in known and row.values.get(column.key) is not None:
            ours, theirs = column_text(column, known[column.key]), column_text(column, row.values[column.key])
            if ours != theirs:
                differs.append({"column": column.title, "library": ours, "table": theirs})
    return differs
