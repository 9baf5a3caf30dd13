"""Queries on active rule sets, screening runs, similar projects and clearances."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.projects.lifecycle import State
from services.projects.projects.repository import PROJECT_TABLE
from services.projects.screening.duplicates import DuplicateKeys
from services.projects.screening.models import Clearance, RuleSetRow, ScreeningRun, SimilarityKey
from services.projects.screening.schemas import (
    ClearanceRead,
    ClearanceState,
    KnownProject,
    RuleSetState,
    ScreeningRunRead,
)
from shared.auth import Actor, May
from shared.db import execute_core, note_keys
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

KEY_TABLE: sa.Table = SimilarityKey.__table__  # type: ignore[attr-defined]
RUN_TABLE: sa.Table = ScreeningRun.__table__  # type: ignore[attr-defined]
CLEARANCE_TABLE: sa.Table = Clearance.__table__  # type: ignore[attr-defined]
RULE_SET_TABLE: sa.Table = RuleSetRow.__table__  # type: ignore[attr-defined]
MAX_CANDIDATES = 40
"""Maximum number of similar projects compared in detail; those that share most keys first."""
_EMPTY_PROJECT = KnownProject.model_construct(id=UUID(int=0), name="")
"""Template to copy: `model_copy` is cheaper than validation, and a re-screening builds a dozen candidates per project."""
CLEARANCE_SORT_COLUMNS = {"created_at": col(Clearance.created_at)}
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
    """Return the digest of the active rule set of a region or its nearest ancestor; None means the built-in set."""
    columns = RULE_SET_TABLE.c
    query = sa.select(columns.digest).where(
        columns.state == RuleSetState.ACTIVE, columns.region.in_(ancestor_codes(region))
    )
    digest = (
        await execute_core(work.session, query.order_by(columns.region.desc()).limit(1))
    ).scalar_one_or_none()
    return None if digest is None else str(digest)


async def system_get_rule_set_content(work: UnitOfWork, digest: str) -> sa.Row[Any]:
    """Return the rules and word sets of a digest."""
    query = sa.select(RULE_SET_TABLE.c.rules, RULE_SET_TABLE.c.words).where(RULE_SET_TABLE.c.digest == digest)
    return (await execute_core(work.session, query.limit(1))).one()


async def system_list_similar(
    work: UnitOfWork, project_ids: Sequence[UUID]
) -> dict[UUID, list[KnownProject]]:
    """Return for each project the others of the same place and time that share lookup keys; no access scope applies."""
    own_keys, other_keys = KEY_TABLE.alias("one"), KEY_TABLE.alias("other")
    shared_keys = sa.func.count().label("shared")
    pairs = (
        sa.select(own_keys.c.project_id, other_keys.c.project_id.label("similar_id"), shared_keys)
        .join(
            other_keys,
            sa.and_(
                other_keys.c.key == own_keys.c.key,
                other_keys.c.region.between(own_keys.c.low, own_keys.c.high),
                other_keys.c.year.between(own_keys.c.year - 1, own_keys.c.year + 1),
                other_keys.c.project_id != own_keys.c.project_id,
            ),
        )
        .where(own_keys.c.project_id.in_(project_ids))
        .group_by(own_keys.c.project_id, other_keys.c.project_id)
        .order_by(own_keys.c.project_id, shared_keys.desc(), other_keys.c.project_id)
    )
    similar_ids_by_project: dict[UUID, list[UUID]] = {}
    for row in await execute_core(work.session, pairs):
        similar_ids = similar_ids_by_project.setdefault(row.project_id, [])
        if len(similar_ids) < MAX_CANDIDATES:
            similar_ids.append(row.similar_id)
    subjects = await _load_subjects(
        work,
        {
            similar_id
            for similar_of_project in similar_ids_by_project.values()
            for similar_id in similar_of_project
        },
    )
    return {
        project: [subjects[similar_id] for similar_id in similar_of_project if similar_id in subjects]
        for project, similar_of_project in similar_ids_by_project.items()
    }


async def list_similar(work: UnitOfWork, keys: DuplicateKeys) -> list[KnownProject]:
    """Return projects the caller may read that share lookup keys with a text, in its place and time."""
    return await _list_sharing_keys(
        work, keys, work.actor.scope_filter(May.PROJECT_READ, PROJECT_TABLE.c.region)
    )


async def system_list_similar_to(
    work: UnitOfWork, keys: DuplicateKeys, project_id: UUID
) -> list[KnownProject]:
    """Return all projects that share lookup keys with a project, in its place and time; no access scope applies."""
    return await _list_sharing_keys(work, keys, PROJECT_TABLE.c.id != project_id)


async def _list_sharing_keys(
    work: UnitOfWork, keys: DuplicateKeys, condition: sa.ColumnElement[bool]
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
            condition,
        )
        .group_by(KEY_TABLE.c.project_id)
        .order_by(sa.func.count().desc(), KEY_TABLE.c.project_id)
        .limit(MAX_CANDIDATES)
    )
    project_ids = list((await execute_core(work.session, query)).scalars())
    subjects = await _load_subjects(work, project_ids)
    return [subjects[project_id] for project_id in project_ids if project_id in subjects]


async def _load_subjects(work: UnitOfWork, project_ids: Iterable[UUID]) -> dict[UUID, KnownProject]:
    query = sa.select(*_SUBJECT_COLUMNS).where(
        PROJECT_TABLE.c.id.in_(set(project_ids)), PROJECT_TABLE.c.state.not_in(DEPARTED_STATES)
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
    """Replace the lookup keys of projects; each row is (project id, region, year, keys)."""
    if not rows:
        return
    await execute_core(
        work.session, sa.delete(KEY_TABLE).where(KEY_TABLE.c.project_id.in_([row[0] for row in rows]))
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


async def system_find_without_keys(work: UnitOfWork, project_ids: Collection[UUID]) -> set[UUID]:
    """Return the projects that have no lookup keys yet."""
    query = sa.select(KEY_TABLE.c.project_id).where(KEY_TABLE.c.project_id.in_(project_ids)).distinct()
    return set(project_ids) - set((await execute_core(work.session, query)).scalars())


async def system_insert_runs(work: UnitOfWork, runs: Sequence[dict[str, Any]]) -> None:
    """Insert screening runs."""
    if runs:
        await execute_core(work.session, RUN_TABLE.insert(), runs)
        note_keys(work.session, RUN_TABLE, [run["id"] for run in runs])


async def system_find_cleared(work: UnitOfWork, marks: Collection[str]) -> set[str]:
    """Return the marks of findings that were confirmed or waived."""
    if not marks:
        return set()
    query = select(Clearance.finding).where(
        col(Clearance.finding).in_(marks), Clearance.state == ClearanceState.GRANTED
    )
    return set(await work.session.exec(query))


async def list_runs(work: UnitOfWork, params: PageParams, project_id: UUID) -> PageAnswer:
    """Return a page of screening runs of a project, newest first. The caller has checked access to the project."""
    query = select(ScreeningRun).where(ScreeningRun.project_id == project_id)
    return await answer_page(
        work.session,
        query,
        params,
        orders={"at": col(ScreeningRun.at)},
        key=col(ScreeningRun.id),
        default="-at",
        read=ScreeningRunRead,
    )


async def get_clearance(work: UnitOfWork, clearance_id: UUID) -> Clearance:
    """Load and lock a clearance within the caller's regions; raise NotFound otherwise."""
    query = select(Clearance).where(
        Clearance.id == clearance_id, work.actor.scope_filter(May.PROJECT_READ, col(Clearance.region))
    )
    clearance = (await work.session.exec(query.with_for_update())).first()
    if clearance is None:
        raise NotFound(f"没有这条放行申请: {clearance_id}", f"No clearance {clearance_id}")
    return clearance


async def list_clearances_of_finding(work: UnitOfWork, finding: str) -> list[Clearance]:
    """Return the clearances of a finding, oldest first. The caller has checked access to the project."""
    query = select(Clearance).where(Clearance.finding == finding)
    return list(await work.session.exec(query.order_by(col(Clearance.attempt))))


async def list_clearances_of_project(work: UnitOfWork, project_id: UUID) -> list[Clearance]:
    """Return the clearances of a project, oldest first. The caller has checked access to the project."""
    query = select(Clearance).where(Clearance.project_id == project_id)
    return list(await work.session.exec(query.order_by(col(Clearance.created_at), col(Clearance.id))))


async def list_pending_waivers(work: UnitOfWork, params: PageParams) -> PageAnswer:
    """Return a page of requested waivers within the caller's regions."""
    query = select(Clearance).where(
        Clearance.state == ClearanceState.ASKED,
        work.actor.scope_filter(May.PROJECT_WAIVE, col(Clearance.region)),
    )
    return await answer_page(
        work.session,
        query,
        params,
        orders=CLEARANCE_SORT_COLUMNS,
        key=col(Clearance.id),
        default="created_at",
        read=ClearanceRead,
    )


def build_undecided_condition(actor: Actor) -> sa.ColumnElement[bool]:
    """Whether a clearance waits for somebody else than who asked for it (four eyes)."""
    asked_by_another = CLEARANCE_TABLE.c.created_by.not_in(actor.own_accounts)
    return sa.and_(CLEARANCE_TABLE.c.state == ClearanceState.ASKED, asked_by_another)
