"""Running totals: every change leaves its difference beside it, which is folded into sums behind the writers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from shared.db import execute_core
from shared.unit_of_work import ServiceContext, UnitOfWork

FOLD_BATCH_ROWS = 20_000
"""Differences folded in one transaction."""


@dataclass(frozen=True)
class TotalSpec:
    """One kind of total: where differences lie and sums are kept, by which columns, of which measures.

    `places` names every sum a difference belongs to: values for `keys`, in their order.
    """

    deltas: sa.Table
    totals: sa.Table
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    places: Callable[[sa.Row[Any]], Iterable[tuple[Any, ...]]]


def previous_values(record: object, now: Mapping[str, Any]) -> dict[str, Any]:
    """The values a changed record had when it was read, of those it has `now`; for use in mapper events."""
    state: Any = sa.inspect(record)
    found = dict(now)
    for name in now:
        if gone := state.attrs[name].history.deleted:
            found[name] = gone[0]
    return found


async def apply_deltas(work: UnitOfWork, kept: TotalSpec) -> int:
    """Add the oldest differences to their sums and drop them; how many there were.

    Two at once take different rows, and touch sums in the same order.
    """
    deltas = kept.deltas
    oldest = (
        sa.select(deltas.c.id).order_by(deltas.c.id).limit(FOLD_BATCH_ROWS).with_for_update(skip_locked=True)
    )
    gone = deltas.delete().where(deltas.c.id.in_(oldest.scalar_subquery())).returning(*deltas.c)
    rows = list(await execute_core(work.session, gone))
    if rows:
        await _add_to_totals(work, kept, _sum_deltas(kept, rows))
    return len(rows)


def _sum_deltas(kept: TotalSpec, rows: Sequence[sa.Row[Any]]) -> dict[tuple[Any, ...], list[int]]:
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        for place in kept.places(row):
            known = sums.setdefault(place, [0] * len(kept.measures))
            for at, name in enumerate(kept.measures):
                known[at] += getattr(row, name)
    return sums


async def _add_to_totals(
    work: UnitOfWork, kept: TotalSpec, sums: Mapping[tuple[Any, ...], list[int]]
) -> None:
    insert: Any = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(kept.totals)
    statement = statement.on_conflict_do_update(
        index_elements=list(kept.keys),
        set_={name: kept.totals.c[name] + statement.excluded[name] for name in kept.measures},
    )
    names = (*kept.keys, *kept.measures)
    await execute_core(
        work.session, statement, [dict(zip(names, (*key, *sums[key]), strict=True)) for key in sorted(sums)]
    )


async def apply_all_deltas(context: ServiceContext, *kinds: TotalSpec) -> int:
    """Fold everything there is, a batch a transaction; how many differences there were."""
    done = 0
    for kept in kinds:
        folded = FOLD_BATCH_ROWS
        while folded == FOLD_BATCH_ROWS:
            async with context.database.write() as session:
                folded = await apply_deltas(context.unit_of_work(session), kept)
            done += folded
    return done
