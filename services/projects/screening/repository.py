"""Every query about rule sets in force, kept screenings, clearances and alike projects."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.library.models import Project
from services.projects.library.states import State
from services.projects.screening.duplicates import Keys
from services.projects.screening.kinds import ClearanceState, SetState
from services.projects.screening.models import Clearance, Key, RuleSetRow, Run
from services.projects.screening.schemas import Known
from shared.db import run
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.rules import lineage
from shared.work import Work

KEY: sa.Table = Key.__table__  # type: ignore[attr-defined]
RUN: sa.Table = Run.__table__  # type: ignore[attr-defined]
PROJECT: sa.Table = Project.__table__  # type: ignore[attr-defined]
RULE_SET: sa.Table = RuleSetRow.__table__  # type: ignore[attr-defined]
MOST_CANDIDATES = 40
"""Alike projects looked at closely, those that share most keys first."""
_NOBODY = Known.model_construct(id=UUID(int=0), name="")
"""Copied, not made anew: a re-screening reads a dozen alike projects for each of a whole library."""
NO_LONGER = (State.WITHDRAWN, State.TERMINATED)
_SUBJECT = (
    PROJECT.c.id,
    PROJECT.c.name,
    PROJECT.c.content,
    PROJECT.c.region,
    PROJECT.c.year,
    PROJECT.c.place,
    PROJECT.c.total,
)


async def system_in_force(work: Work, region: str) -> str | None:
    """Digest of the edited rule set that holds in a region, the nearest district's; None: the built-in one."""
    columns = RULE_SET.c
    query = sa.select(columns.digest).where(
        columns.state == SetState.ACTIVE, columns.region.in_(lineage(region))
    )
    found = (await run(work.session, query.order_by(columns.region.desc()).limit(1))).scalar_one_or_none()
    return None if found is None else str(found)


async def system_content(work: Work, digest: str) -> sa.Row[Any]:
    """Rules and words of a digest."""
    query = sa.select(RULE_SET.c.rules, RULE_SET.c.words).where(RULE_SET.c.digest == digest)
    return (await run(work.session, query.limit(1))).one()


async def system_alike(work: Work, ids: Sequence[UUID]) -> dict[UUID, list[Known]]:
    """For each project, those of the same place and time that share its keys, whoever may see them."""
    one, other = KEY.alias("one"), KEY.alias("other")
    shared_keys = sa.func.count().label("shared")
    pairs = (
        sa.select(one.c.project_id, other.c.project_id.label("alike"), shared_keys)
        .join(
            other,
            sa.and_(
                other.c.key == one.c.key,
                other.c.region.between(one.c.low, one.c.high),
                other.c.year.between(one.c.year - 1, one.c.year + 1),
                other.c.project_id != one.c.project_id,
            ),
        )
        .where(one.c.project_id.in_(ids))
        .group_by(one.c.project_id, other.c.project_id)
        .order_by(one.c.project_id, shared_keys.desc(), other.c.project_id)
    )
    wanted: dict[UUID, list[UUID]] = {}
    for row in await run(work.session, pairs):
        mine = wanted.setdefault(row.project_id, [])
        if len(mine) < MOST_CANDIDATES:
            mine.append(row.alike)
    known = await _subjects(work, {alike for found in wanted.values() for alike in found})
    return {project: [known[alike] for alike in found if alike in known] for project, found in wanted.items()}


async def alike(work: Work, keys: Keys) -> list[Known]:
    """Projects the caller may see that share keys with a text, in its place and time."""
    return await _sharing(work, keys, work.actor.where(May.PROJECT_READ, PROJECT.c.region))


async def system_alike_to(work: Work, keys: Keys, project_id: UUID) -> list[Known]:
    """The same for a project itself: all others, whoever may see them."""
    return await _sharing(work, keys, PROJECT.c.id != project_id)


async def _sharing(work: Work, keys: Keys, which: sa.ColumnElement[bool]) -> list[Known]:
    if keys.region_low is None or not keys.years:
        return []
    query = (
        sa.select(KEY.c.project_id)
        .join(PROJECT, PROJECT.c.id == KEY.c.project_id)
        .where(
            KEY.c.key.in_(keys.keys),
            KEY.c.region.between(keys.region_low, keys.region_high),
            KEY.c.year.in_(keys.years),
            which,
        )
        .group_by(KEY.c.project_id)
        .order_by(sa.func.count().desc(), KEY.c.project_id)
        .limit(MOST_CANDIDATES)
    )
    found = list((await run(work.session, query)).scalars())
    known = await _subjects(work, found)
    return [known[one] for one in found if one in known]


async def _subjects(work: Work, ids: Iterable[UUID]) -> dict[UUID, Known]:
    query = sa.select(*_SUBJECT).where(PROJECT.c.id.in_(set(ids)), PROJECT.c.state.not_in(NO_LONGER))
    return {
        row.id: _NOBODY.model_copy(
            update={
                "id": row.id,
                "name": row.name,
                "content": row.content,
                "region": row.region,
                "year": row.year,
                "location": row.place,
                "amount": row.total,
            }
        )
        for row in await run(work.session, query)
    }


async def system_put_keys(work: Work, rows: Sequence[tuple[UUID, str, int, Keys]]) -> None:
    """Replace what projects are found by: id, region, year and keys of each."""
    if not rows:
        return
    await run(work.session, sa.delete(KEY).where(KEY.c.project_id.in_([one[0] for one in rows])))
    values = [
        {
            "project_id": project_id,
            "key": key,
            "region": region,
            "low": keys.region_low,
            "high": keys.region_high,
            "year": year,
        }
        for project_id, region, year, keys in rows
        for key in keys.keys
    ]
    if values:
        await run(work.session, KEY.insert(), values)


async def system_keyless(work: Work, ids: Collection[UUID]) -> set[UUID]:
    """Those of the projects that nothing finds yet."""
    query = sa.select(KEY.c.project_id).where(KEY.c.project_id.in_(ids)).distinct()
    return set(ids) - set((await run(work.session, query)).scalars())


async def system_add_runs(work: Work, runs: Sequence[dict[str, Any]]) -> None:
    """Keep screenings."""
    if runs:
        await run(work.session, RUN.insert(), runs)


async def system_cleared(work: Work, marks: Collection[str]) -> set[str]:
    """Those of the findings that were confirmed or waived."""
    if not marks:
        return set()
    query = select(Clearance.finding).where(
        col(Clearance.finding).in_(marks), Clearance.state == ClearanceState.GRANTED
    )
    return set(await work.session.exec(query))


async def runs(work: Work, asked: Asked, project_id: UUID) -> Page[Run]:
    """Screenings of a project the caller was given, the newest first."""
    query = select(Run).where(Run.project_id == project_id)
    return await page(work.session, query, asked, orders={"at": col(Run.at)}, key=col(Run.id), default="-at")
