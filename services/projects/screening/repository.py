"""Queries on active rule sets, screening runs, similar projects and clearances."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.projects.lifecycle import State
from services.projects.projects.models import Project
from services.projects.screening.duplicates import DuplicateKeys
from services.projects.screening.models import Clearance, RuleSetRow, ScreeningRun, SimilarityKey
from services.projects.screening.schemas import ClearanceState, KnownProject, RuleSetState
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

KEY_TABLE: sa.Table = SimilarityKey.__table__  # type: ignore[attr-defined]
RUN_TABLE: sa.Table = ScreeningRun.__table__  # type: ignore[attr-defined]
PROJECT_TABLE: sa.Table = Project.__table__  # type: ignore[attr-defined]
RULE_SET_TABLE: sa.Table = RuleSetRow.__table__  # type: ignore[attr-defined]
MAX_CANDIDATES = 40
"""Alike projects looked at closely, those that share most keys first."""
_EMPTY_PROJECT = KnownProject.model_construct(id=UUID(int=0), name="")
"""Copied, not made anew: a re-screening reads a dozen alike projects for each of a whole library."""
DEPARTED_STATES = (State.WITHDRAWN, State.TERMINATED)
_SUBJECT_COLUMNS = (
    PROJECT_TABLE.c.id,
    PROJECT_TABLE.c.name,
    PROJECT_TABLE.c.content,
    PROJECT_TABLE.c.region,
    PROJECT_TABLE.c.year,
    PROJECT_TABLE.c.place,
    PROJECT_TABLE.c.total,
)


async def system_find_active_digest(work: UnitOfWork, region: str) -> str | None:
    """Digest of the edited rule set that holds in a region, the nearest district's; None: the built-in one."""
    columns = RULE_SET_TABLE.c
    query = sa.select(columns.digest).where(
        columns.state == RuleSetState.ACTIVE, columns.region.in_(ancestor_codes(region))
    )
    found = (
        await execute_core(work.session, query.order_by(columns.region.desc()).limit(1))
    ).scalar_one_or_none()
    return None if found is None else str(found)


async def system_get_rule_set_content(work: UnitOfWork, digest: str) -> sa.Row[Any]:
    """Rules and words of a digest."""
    query = sa.select(RULE_SET_TABLE.c.rules, RULE_SET_TABLE.c.words).where(RULE_SET_TABLE.c.digest == digest)
    return (await execute_core(work.session, query.limit(1))).one()


async def system_list_similar(work: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, list[KnownProject]]:
    """For each project, those of the same place and time that share its keys, whoever may see them."""
    one, other = KEY_TABLE.alias("one"), KEY_TABLE.alias("other")
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
    for row in await execute_core(work.session, pairs):
        mine = wanted.setdefault(row.project_id, [])
        if len(mine) < MAX_CANDIDATES:
            mine.append(row.alike)
    known = await _load_subjects(work, {alike for found in wanted.values() for alike in found})
    return {project: [known[alike] for alike in found if alike in known] for project, found in wanted.items()}


async def list_similar(work: UnitOfWork, keys: DuplicateKeys) -> list[KnownProject]:
    """Projects the caller may see that share keys with a text, in its place and time."""
    return await _list_sharing_keys(
        work, keys, work.actor.scope_filter(May.PROJECT_READ, PROJECT_TABLE.c.region)
    )


async def system_list_similar_to(
    work: UnitOfWork, keys: DuplicateKeys, project_id: UUID
) -> list[KnownProject]:
    """The same for a project itself: all others, whoever may see them."""
    return await _list_sharing_keys(work, keys, PROJECT_TABLE.c.id != project_id)


async def _list_sharing_keys(
    work: UnitOfWork, keys: DuplicateKeys, which: sa.ColumnElement[bool]
) -> list[KnownProject]:
    if keys.region_low is None or not keys.years:
        return []
    query = (
        sa.select(KEY_TABLE.c.project_id)
        .join(PROJECT_TABLE, PROJECT_TABLE.c.id == KEY_TABLE.c.project_id)
        .where(
            KEY_TABLE.c.key.in_(keys.keys),
            KEY_TABLE.c.region.between(keys.region_low, keys.region_high),
            KEY_TABLE.c.year.in_(keys.years),
            which,
        )
        .group_by(KEY_TABLE.c.project_id)
        .order_by(sa.func.count().desc(), KEY_TABLE.c.project_id)
        .limit(MAX_CANDIDATES)
    )
    found = list((await execute_core(work.session, query)).scalars())
    known = await _load_subjects(work, found)
    return [known[one] for one in found if one in known]


async def _load_subjects(work: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, KnownProject]:
    query = sa.select(*_SUBJECT_COLUMNS).where(
        PROJECT_TABLE.c.id.in_(set(ids)), PROJECT_TABLE.c.state.not_in(DEPARTED_STATES)
    )
    return {
        row.id: _EMPTY_PROJECT.model_copy(
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
        for row in await execute_core(work.session, query)
    }


async def system_replace_keys(work: UnitOfWork, rows: Sequence[tuple[UUID, str, int, DuplicateKeys]]) -> None:
    """Replace what projects are found by: id, region, year and keys of each."""
    if not rows:
        return
    await execute_core(
        work.session, sa.delete(KEY_TABLE).where(KEY_TABLE.c.project_id.in_([one[0] for one in rows]))
    )
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
        await execute_core(work.session, KEY_TABLE.insert(), values)


async def system_find_without_keys(work: UnitOfWork, ids: Collection[UUID]) -> set[UUID]:
    """Those of the projects that nothing finds yet."""
    query = sa.select(KEY_TABLE.c.project_id).where(KEY_TABLE.c.project_id.in_(ids)).distinct()
    return set(ids) - set((await execute_core(work.session, query)).scalars())


async def system_insert_runs(work: UnitOfWork, runs: Sequence[dict[str, Any]]) -> None:
    """Keep screenings."""
    if runs:
        await execute_core(work.session, RUN_TABLE.insert(), runs)


async def system_find_cleared(work: UnitOfWork, marks: Collection[str]) -> set[str]:
    """Those of the findings that were confirmed or waived."""
    if not marks:
        return set()
    query = select(Clearance.finding).where(
        col(Clearance.finding).in_(marks), Clearance.state == ClearanceState.GRANTED
    )
    return set(await work.session.exec(query))


async def list_runs(work: UnitOfWork, asked: PageParams, project_id: UUID) -> Page[ScreeningRun]:
    """Screenings of a project the caller was given, the newest first."""
    query = select(ScreeningRun).where(ScreeningRun.project_id == project_id)
    return await list_page(
        work.session,
        query,
        asked,
        orders={"at": col(ScreeningRun.at)},
        key=col(ScreeningRun.id),
        default="-at",
    )


CLEARANCE_TABLE: sa.Table = Clearance.__table__  # type: ignore[attr-defined]
CLEARANCE_SORT_COLUMNS = {"created_at": col(Clearance.created_at)}


async def get_clearance(work: UnitOfWork, clearance_id: UUID) -> Clearance:
    """One clearance of the caller's regions, locked; NotFound otherwise."""
    query = select(Clearance).where(
        Clearance.id == clearance_id, work.actor.scope_filter(May.PROJECT_READ, col(Clearance.region))
    )
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound(f"没有这条放行申请: {clearance_id}", f"No clearance {clearance_id}")
    return found


async def list_clearances_of_finding(work: UnitOfWork, finding: str) -> list[Clearance]:
    """What was said of a finding of a project the caller was given, oldest first."""
    query = select(Clearance).where(Clearance.finding == finding)
    return list(await work.session.exec(query.order_by(col(Clearance.attempt))))


async def list_clearances_of_project(work: UnitOfWork, project_id: UUID) -> list[Clearance]:
    """All clearances of a project the caller was given, oldest first."""
    query = select(Clearance).where(Clearance.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Clearance.created_at), col(Clearance.id))))


async def list_pending_waivers(work: UnitOfWork, asked: PageParams) -> Page[Clearance]:
    """Waivers that wait for a second person, in the caller's regions."""
    query = select(Clearance).where(
        Clearance.state == ClearanceState.ASKED,
        work.actor.scope_filter(May.PROJECT_WAIVE, col(Clearance.region)),
    )
    return await list_page(
        work.session, query, asked, orders=CLEARANCE_SORT_COLUMNS, key=col(Clearance.id), default="created_at"
    )


async def count_pending_waivers(work: UnitOfWork) -> int:
    """How many waivers wait for the caller: asked for by others, in the caller's regions."""
    query = sa.select(sa.func.count()).where(
        CLEARANCE_TABLE.c.state == ClearanceState.ASKED,
        CLEARANCE_TABLE.c.created_by != work.actor.id,
        work.actor.scope_filter(May.PROJECT_WAIVE, CLEARANCE_TABLE.c.region),
    )
    return int((await execute_core(work.session, query)).scalar_one())
