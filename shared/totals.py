"""Running totals: every change leaves its difference beside it, which is folded into sums behind the writers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from shared.db import run
from shared.work import Context, Work

BATCH = 20_000
"""Differences folded in one transaction."""


@dataclass(frozen=True)
class Kept:
    """One kind of total: where differences lie and sums are kept, by which columns, of which measures.

    `places` names every sum a difference belongs to: values for `keys`, in their order.
    """

    deltas: sa.Table
    totals: sa.Table
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    places: Callable[[sa.Row[Any]], Iterable[tuple[Any, ...]]]


def before(record: object, now: Mapping[str, Any]) -> dict[str, Any]:
    """The values a changed record had when it was read, of those it has `now`; for use in mapper events."""
    state: Any = sa.inspect(record)
    found = dict(now)
    for name in now:
        if gone := state.attrs[name].history.deleted:
            found[name] = gone[0]
    return found


async def fold(work: Work, kept: Kept) -> int:
    """Add the oldest differences to their sums and drop them; how many there were.

    Two at once take different rows, and touch sums in the same order.
    """
    deltas = kept.deltas
    oldest = sa.select(deltas.c.id).order_by(deltas.c.id).limit(BATCH).with_for_update(skip_locked=True)
    gone = deltas.delete().where(deltas.c.id.in_(oldest.scalar_subquery())).returning(*deltas.c)
    rows = list(await run(work.session, gone))
    if rows:
        await _add(work, kept, _sums(kept, rows))
    return len(rows)


def _sums(kept: Kept, rows: Sequence[sa.Row[Any]]) -> dict[tuple[Any, ...], list[int]]:
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        for place in kept.places(row):
            known = sums.setdefault(place, [0] * len(kept.measures))
            for at, name in enumerate(kept.measures):
                known[at] += getattr(row, name)
    return sums


async def _add(work: Work, kept: Kept, sums: Mapping[tuple[Any, ...], list[int]]) -> None:
    insert: Any = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(kept.totals)
    statement = statement.on_conflict_do_update(
        index_elements=list(kept.keys),
        set_={name: kept.totals.c[name] + statement.excluded[name] for name in kept.measures},
    )
    names = (*kept.keys, *kept.measures)
    await run(
        work.session, statement, [dict(zip(names, (*key, *sums[key]), strict=True)) for key in sorted(sums)]
    )


async def fold_all(context: Context, *kinds: Kept) -> int:
    """Fold everything there is, a batch a transaction; how many differences there were."""
    done = 0
    for kept in kinds:
        folded = BATCH
        while folded == BATCH:
            async with context.database.write() as session:
                folded = await fold(context.work(session), kept)
            done += folded
    return done
