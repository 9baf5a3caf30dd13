"""Running totals: writers insert deltas; a background task adds them to the totals, so writers never lock a total."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from shared.db import execute_core
from shared.unit_of_work import ServiceContext, UnitOfWork

FOLD_BATCH_ROWS = 20_000
"""Deltas applied in one transaction."""


@dataclass(frozen=True)
class TotalSpec:
    """One kind of total: tables of deltas and totals, key columns, and summed columns.

    `places` returns the keys of every total a delta belongs to: tuples of values for `keys`, in that order.
    """

    deltas: sa.Table
    totals: sa.Table
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    places: Callable[[sa.Row[Any]], Iterable[tuple[Any, ...]]]


def previous_values(record: object, now: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `now` as they were when the record was loaded; for SQLAlchemy mapper events."""
    state: Any = sa.inspect(record)
    values = dict(now)
    for name in now:
        if deleted := state.attrs[name].history.deleted:
            values[name] = deleted[0]
    return values


async def apply_deltas(work: UnitOfWork, spec: TotalSpec) -> int:
    """Add the oldest deltas to their totals, delete them, and return their number.

    Concurrent calls take different rows (SKIP LOCKED) and update totals in key order, so they cannot deadlock.
    """
    deltas = spec.deltas
    oldest = (
        sa.select(deltas.c.id).order_by(deltas.c.id).limit(FOLD_BATCH_ROWS).with_for_update(skip_locked=True)
    )
    delete = deltas.delete().where(deltas.c.id.in_(oldest.scalar_subquery())).returning(*deltas.c)
    rows = list(await execute_core(work.session, delete))
    if rows:
        await _add_to_totals(work, spec, _sum_deltas(spec, rows))
    return len(rows)


def _sum_deltas(spec: TotalSpec, rows: Sequence[sa.Row[Any]]) -> dict[tuple[Any, ...], list[int]]:
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        for place in spec.places(row):
            values = sums.setdefault(place, [0] * len(spec.measures))
            for index, name in enumerate(spec.measures):
                values[index] += getattr(row, name)
    return sums


async def _add_to_totals(
    work: UnitOfWork, spec: TotalSpec, sums: Mapping[tuple[Any, ...], list[int]]
) -> None:
    insert: Any = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(spec.totals)
    statement = statement.on_conflict_do_update(
        index_elements=list(spec.keys),
        set_={name: spec.totals.c[name] + statement.excluded[name] for name in spec.measures},
    )
    names = (*spec.keys, *spec.measures)
    await execute_core(
        work.session, statement, [dict(zip(names, (*key, *sums[key]), strict=True)) for key in sorted(sums)]
    )


async def apply_all_deltas(context: ServiceContext, *kinds: TotalSpec) -> int:
    """Apply all deltas of these kinds, one batch per transaction, and return their number."""
    total = 0
    for spec in kinds:
        applied = FOLD_BATCH_ROWS
        while applied == FOLD_BATCH_ROWS:
            async with context.database.write() as session:
                applied = await apply_deltas(context.unit_of_work(session), spec)
            total += applied
    return total
