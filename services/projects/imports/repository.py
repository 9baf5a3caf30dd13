"""Queries on imports and exports, and region names requested from identity."""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.imports.models import ImportJob, ImportRow
from services.projects.imports.schemas import ImportState
from services.projects.projects import repository as projects
from services.projects.projects.models import PlannedMoney, Project, ProjectPlace
from services.projects.projects.repository import PROJECT_COLUMNS, ProjectFilter
from shared.auth import May, region_bounds
from shared.db import execute_core
from shared.errors import ApiError, NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

COUNTY_DIGITS, TOWN_DIGITS = 6, 9
REGIONS_PER_PAGE = 1000
EXPORT_BATCH_ROWS = 500
MAX_SHOWN_FAULTS, MAX_SHOWN_PROJECTS = 200, 2000
ROW_TABLE: sa.Table = ImportRow.__table__  # type: ignore[attr-defined]
PLACE_SUFFIXES = (
    "村民委员会",
    "社区居委会",
    "居民委员会",
    "居委会",
    "村委会",
    "街道办事处",
    "社区",
    "街道",
    "村",
    "镇",
    "乡",
)


@dataclass
class RegionNames:
    """Region code → name within one district; empty when the identity service did not answer."""

    district: str
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Split towns and villages and shorten their names."""
        self.towns = {
            code: _shorten_name(name)
            for code, name in self.names.items()
            if _count_region_digits(code) == TOWN_DIGITS
        }
        self.villages = {
            code: _shorten_name(name)
            for code, name in self.names.items()
            if _count_region_digits(code) > TOWN_DIGITS
        }

    def get_names(self, region: str) -> tuple[str, str, str]:
        """Return the names of county, town and village of a code, as the table shows them."""
        town = region[:TOWN_DIGITS].ljust(12, "0")
        return (
            self.names.get(self.district, ""),
            self.names.get(town, "") if _count_region_digits(region) >= TOWN_DIGITS else "",
            self.names.get(region, "") if _count_region_digits(region) > TOWN_DIGITS else "",
        )

    def find_region(self, town: str, village: str, *texts: str) -> str | None:
        """Find the region of a row from town and village, else from the only place its texts mention; None when ambiguous.

        Returns the district itself when no place is mentioned.
        """
        if town or village:
            return self._find_by_names(_shorten_name(town), village.strip())
        for text in texts:
            towns = [code for code, name in self.towns.items() if name and _is_mentioned(name, text)]
            villages = [
                code
                for code, name in self.villages.items()
                if _is_mentioned(name, text)
                and (not towns or code[:TOWN_DIGITS] in {town_code[:TOWN_DIGITS] for town_code in towns})
            ]
            for candidates in (villages, towns):
                if len(candidates) == 1:
                    return candidates[0]
        return self.district

    def _find_by_names(self, town: str, village: str) -> str | None:
        towns = [code for code, name in self.towns.items() if name == town] if town else list(self.towns)
        if not village:
            return towns[0] if town and len(towns) == 1 else None
        town_prefixes = {code[:TOWN_DIGITS] for code in towns}
        matches = [
            code
            for code, name in self.villages.items()
            if name == _shorten_name(village) and code[:TOWN_DIGITS] in town_prefixes
        ]
        if len(matches) > 1:  # 广场村 and 广场社区 in one town: the full name decides
            matches = [code for code in matches if self.names[code].startswith(village)]
        return matches[0] if len(matches) == 1 else None


def _shorten_name(name: str) -> str:
    """Strip the suffix of a place name (村, 镇, 居委会 …), because tables write names with or without it."""
    short = name.strip()
    for suffix in PLACE_SUFFIXES:
        if short.endswith(suffix) and len(short) > len(suffix) + 1:
            return short.removesuffix(suffix)
    return short


def _is_mentioned(name: str, text: str) -> bool:
    return len(name) > 1 and any(f"{name}{suffix}" in text for suffix in ("村", "社区", "镇", "乡", "街道"))


def _count_region_digits(code: str) -> int:
    if code[TOWN_DIGITS:].strip("0"):
        return len(code)
    return TOWN_DIGITS if code[COUNTY_DIGITS:TOWN_DIGITS].strip("0") else COUNTY_DIGITS


async def load_region_names(work: UnitOfWork, district: str) -> RegionNames:
    """Load all regions of a district from the identity service, before the first write statement; raise its error on failure."""
    low, high = region_bounds(district[:COUNTY_DIGITS].ljust(12, "0"))
    names: dict[str, str] = {}
    after = str(int(low) - 1).zfill(12)
    while True:
        answer = await work.service_client("identity").get(
            "/api/v1/regions", params={"cursor": after, "limit": REGIONS_PER_PAGE}
        )
        items: Sequence[dict[str, str]] = answer["items"]
        names |= {region["code"]: region["name"] for region in items if low <= region["code"] <= high}
        if not items or items[-1]["code"] > high or answer["next_cursor"] is None:
            return RegionNames(low, names)
        after = items[-1]["code"]


async def find_region_names(work: UnitOfWork, district: str) -> RegionNames:
    """Load the regions of a district; return an empty map while the identity service is unavailable."""
    try:
        return await load_region_names(work, district)
    except ApiError:
        return RegionNames(district[:COUNTY_DIGITS].ljust(12, "0"))


async def iterate_projects(work: UnitOfWork, filters: ProjectFilter) -> AsyncGenerator[list[Project]]:
    """Yield projects within the caller's regions page by page, oldest first."""
    cursor = ""
    while True:
        page = await projects.list_projects(
            work, PageParams(EXPORT_BATCH_ROWS, cursor, "created_at"), filters
        )
        yield page.items
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


async def list_planned_money(work: UnitOfWork, project_ids: Sequence[UUID]) -> dict[UUID, list[PlannedMoney]]:
    """Return the planned funding of several projects. The caller has checked access to the projects."""
    rows_by_project: dict[UUID, list[PlannedMoney]] = {project_id: [] for project_id in project_ids}
    for row in await work.session.exec(
        select(PlannedMoney).where(col(PlannedMoney.project_id).in_(project_ids))
    ):
        rows_by_project[row.project_id].append(row)
    return rows_by_project


async def list_places(work: UnitOfWork, project_ids: Sequence[UUID]) -> dict[UUID, list[ProjectPlace]]:
    """Return the places of several projects in their order. The caller has checked access to the projects."""
    rows_by_project: dict[UUID, list[ProjectPlace]] = {project_id: [] for project_id in project_ids}
    query = select(ProjectPlace).where(col(ProjectPlace.project_id).in_(project_ids))
    for row in await work.session.exec(query.order_by(col(ProjectPlace.position))):
        rows_by_project[row.project_id].append(row)
    return rows_by_project


async def get_import(work: UnitOfWork, job_id: UUID) -> ImportJob:
    """Load an import within the caller's regions; raise NotFound otherwise."""
    query = select(ImportJob).where(
        ImportJob.id == job_id, work.actor.scope_filter(May.PROJECT_DECLARE, col(ImportJob.region))
    )
    job = (await work.session.exec(query)).first()
    if job is None:
        raise NotFound(f"没有这次导入: {job_id}", f"No import {job_id}")
    return job


async def list_imports(work: UnitOfWork, params: PageParams) -> Page[ImportJob]:
    """Return a page of imports within the caller's regions, newest first."""
    query = select(ImportJob).where(work.actor.scope_filter(May.PROJECT_DECLARE, col(ImportJob.region)))
    orders = {"created_at": col(ImportJob.created_at)}
    return await list_page(
        work.session, query, params, orders=orders, key=col(ImportJob.id), default="-created_at"
    )


async def list_rows(
    work: UnitOfWork, params: PageParams, job_id: UUID, *, wrong: bool | None
) -> Page[ImportRow]:
    """Return a page of row results of an import. The caller has checked access to the import."""
    query = select(ImportRow).where(ImportRow.job_id == job_id)
    if wrong is not None:
        query = query.where(ImportRow.wrong == wrong)
    orders = {"number": col(ImportRow.number)}
    return await list_page(
        work.session, query, params, orders=orders, key=col(ImportRow.id), default="number"
    )


async def list_wrong_rows(work: UnitOfWork, job_id: UUID, limit: int | None = None) -> list[sa.Row[Any]]:
    """Return (number, faults) of the faulty rows in order. The caller has checked access to the import."""
    query = sa.select(ROW_TABLE.c.number, ROW_TABLE.c.faults).where(
        ROW_TABLE.c.job_id == job_id, ROW_TABLE.c.wrong.is_(True)
    )
    return list(await execute_core(work.session, query.order_by(ROW_TABLE.c.number).limit(limit)))


async def list_project_ids(work: UnitOfWork, job_id: UUID) -> list[UUID]:
    """Return the project ids of the valid rows in order, at most `MAX_SHOWN_PROJECTS`. The caller has checked access to the import."""
    query = sa.select(ROW_TABLE.c.project_id).where(
        ROW_TABLE.c.job_id == job_id, ROW_TABLE.c.project_id.is_not(None), ROW_TABLE.c.wrong.is_(False)
    )
    return list(
        (
            await execute_core(work.session, query.order_by(ROW_TABLE.c.number).limit(MAX_SHOWN_PROJECTS))
        ).scalars()
    )


async def system_get_row_numbers(work: UnitOfWork, job_id: UUID) -> dict[UUID, int]:
    """Map project id to row number for the rows an import has already processed."""
    query = sa.select(ROW_TABLE.c.project_id, ROW_TABLE.c.number).where(
        ROW_TABLE.c.job_id == job_id, ROW_TABLE.c.project_id.is_not(None), ROW_TABLE.c.wrong.is_(False)
    )
    return {row.project_id: row.number for row in await execute_core(work.session, query)}


async def system_find_next_import(work: UnitOfWork) -> ImportJob | None:
    """Return the oldest unfinished import, or None."""
    query = select(ImportJob).where(ImportJob.state == ImportState.RUNNING).order_by(col(ImportJob.id))
    return (await work.session.exec(query.limit(1))).first()


async def system_lock_import(work: UnitOfWork, job_id: UUID) -> ImportJob | None:
    """Lock an unfinished import; None when it is finished or locked by another process (SKIP LOCKED)."""
    query = select(ImportJob).where(ImportJob.id == job_id, ImportJob.state == ImportState.RUNNING)
    return (await work.session.exec(query.with_for_update(skip_locked=True))).first()


async def system_find_existing(work: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Return id, creation digest and state of those projects that exist."""
    columns = (PROJECT_COLUMNS.id, PROJECT_COLUMNS.created_digest, PROJECT_COLUMNS.state)
    query = sa.select(*columns).where(PROJECT_COLUMNS.id.in_(ids))
    return {row.id: row for row in await execute_core(work.session, query)}


async def system_find_by_library_code(work: UnitOfWork, codes: Collection[str]) -> dict[str, UUID]:
    """Map library code to project id for the codes that exist."""
    if not codes:
        return {}
    query = sa.select(PROJECT_COLUMNS.library_code, PROJECT_COLUMNS.id).where(
        PROJECT_COLUMNS.library_code.in_(codes)
    )
    return {row.library_code: row.id for row in await execute_core(work.session, query)}


async def system_insert_rows(work: UnitOfWork, values: Sequence[dict[str, Any]]) -> None:
    """Insert row results; the unique constraint rejects a row that was processed before."""
    if values:
        await execute_core(work.session, ROW_TABLE.insert(), values)
