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
from services.projects.projects.repository import ProjectFilter
from shared.auth import May, region_bounds
from shared.db import execute_core
from shared.errors import ApiError, NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

COUNTY_DIGITS, TOWN_DIGITS = 6, 9
REGIONS_PER_PAGE = 1000
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
    """Code → name within one district; empty when identity could not be asked."""

    district: str
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Towns and villages apart, by their short names."""
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
        """County, town and village of a code, as the table shows them."""
        town = region[:TOWN_DIGITS].ljust(12, "0")
        return (
            self.names.get(self.district, ""),
            self.names.get(town, "") if _count_region_digits(region) >= TOWN_DIGITS else "",
            self.names.get(region, "") if _count_region_digits(region) > TOWN_DIGITS else "",
        )

    def find_region(self, town: str, village: str, *texts: str) -> str | None:
        """The region the named town and village mean; without names, the one place a text mentions; None: ambiguous.

        The district itself when nothing is mentioned.
        """
        if town or village:
            return self._find_by_names(_shorten_name(town), village.strip())
        for text in texts:
            towns = [code for code, name in self.towns.items() if name and _is_mentioned(name, text)]
            inside = [
                code
                for code, name in self.villages.items()
                if _is_mentioned(name, text)
                and (not towns or code[:TOWN_DIGITS] in {one[:TOWN_DIGITS] for one in towns})
            ]
            for found in (inside, towns):
                if len(found) == 1:
                    return found[0]
        return self.district

    def _find_by_names(self, town: str, village: str) -> str | None:
        towns = [code for code, name in self.towns.items() if name == town] if town else list(self.towns)
        if not village:
            return towns[0] if town and len(towns) == 1 else None
        heads = {code[:TOWN_DIGITS] for code in towns}
        found = [
            code
            for code, name in self.villages.items()
            if name == _shorten_name(village) and code[:TOWN_DIGITS] in heads
        ]
        if len(found) > 1:  # 广场村 and 广场社区 in one town: as it is written
            found = [code for code in found if self.names[code].startswith(village)]
        return found[0] if len(found) == 1 else None


def _shorten_name(name: str) -> str:
    """A place's name without what kind of place it is, as people write it either way."""
    bare = name.strip()
    for ending in PLACE_SUFFIXES:
        if bare.endswith(ending) and len(bare) > len(ending) + 1:
            return bare.removesuffix(ending)
    return bare


def _is_mentioned(name: str, text: str) -> bool:
    return len(name) > 1 and any(f"{name}{ending}" in text for ending in ("村", "社区", "镇", "乡", "街道"))


def _count_region_digits(code: str) -> int:
    if code[TOWN_DIGITS:].strip("0"):
        return len(code)
    return TOWN_DIGITS if code[COUNTY_DIGITS:TOWN_DIGITS].strip("0") else COUNTY_DIGITS


async def load_region_names(work: UnitOfWork, district: str) -> RegionNames:
    """Every region of a district; asked before the first statement of a write. Refused like identity refuses."""
    low, high = region_bounds(district[:COUNTY_DIGITS].ljust(12, "0"))
    found: dict[str, str] = {}
    after = str(int(low) - 1).zfill(12)
    while True:
        answer = await work.service_client("identity").get(
            "/api/v1/regions", params={"cursor": after, "limit": REGIONS_PER_PAGE}
        )
        items: Sequence[dict[str, str]] = answer["items"]
        found |= {one["code"]: one["name"] for one in items if low <= one["code"] <= high}
        if not items or items[-1]["code"] > high or answer["next_cursor"] is None:
            return RegionNames(low, found)
        after = items[-1]["code"]


async def find_region_names(work: UnitOfWork, district: str) -> RegionNames:
    """The same, empty while identity is away."""
    try:
        return await load_region_names(work, district)
    except ApiError:
        return RegionNames(district[:COUNTY_DIGITS].ljust(12, "0"))


EXPORT_BATCH_ROWS = 500


async def iterate_projects(work: UnitOfWork, wanted: ProjectFilter) -> AsyncGenerator[list[Project]]:
    """Projects of the caller's regions, oldest first, page by page."""
    cursor = ""
    while True:
        found = await projects.list_projects(
            work, PageParams(EXPORT_BATCH_ROWS, cursor, "created_at"), wanted
        )
        yield found.items
        if found.next_cursor is None:
            return
        cursor = found.next_cursor


async def list_planned_money(work: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, list[PlannedMoney]]:
    """Planned money of projects the caller was given."""
    rows: dict[UUID, list[PlannedMoney]] = {one: [] for one in ids}
    for row in await work.session.exec(select(PlannedMoney).where(col(PlannedMoney.project_id).in_(ids))):
        rows[row.project_id].append(row)
    return rows


async def list_places(work: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, list[ProjectPlace]]:
    """Places of projects the caller was given."""
    rows: dict[UUID, list[ProjectPlace]] = {one: [] for one in ids}
    query = select(ProjectPlace).where(col(ProjectPlace.project_id).in_(ids))
    for row in await work.session.exec(query.order_by(col(ProjectPlace.position))):
        rows[row.project_id].append(row)
    return rows


PROJECT_TABLE: sa.Table = Project.__table__  # type: ignore[attr-defined]
ROW_TABLE: sa.Table = ImportRow.__table__  # type: ignore[attr-defined]
MAX_SHOWN_FAULTS, MAX_SHOWN_PROJECTS = 200, 2000


async def get_import(work: UnitOfWork, job_id: UUID) -> ImportJob:
    """One import of the caller's regions; NotFound otherwise."""
    query = select(ImportJob).where(
        ImportJob.id == job_id, work.actor.scope_filter(May.PROJECT_DECLARE, col(ImportJob.region))
    )
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound(f"没有这次导入: {job_id}", f"No import {job_id}")
    return found


async def list_imports(work: UnitOfWork, asked: PageParams) -> Page[ImportJob]:
    """Imports of the caller's regions, the newest first."""
    query = select(ImportJob).where(work.actor.scope_filter(May.PROJECT_DECLARE, col(ImportJob.region)))
    orders = {"created_at": col(ImportJob.created_at)}
    return await list_page(
        work.session, query, asked, orders=orders, key=col(ImportJob.id), default="-created_at"
    )


async def list_rows(
    work: UnitOfWork, asked: PageParams, job_id: UUID, *, wrong: bool | None
) -> Page[ImportRow]:
    """What became of the rows of an import the caller was given."""
    query = select(ImportRow).where(ImportRow.job_id == job_id)
    if wrong is not None:
        query = query.where(ImportRow.wrong == wrong)
    orders = {"number": col(ImportRow.number)}
    return await list_page(work.session, query, asked, orders=orders, key=col(ImportRow.id), default="number")


async def list_wrong_rows(work: UnitOfWork, job_id: UUID, most: int | None = None) -> list[sa.Row[Any]]:
    """(number, faults) of the wrong rows of an import the caller was given, in order."""
    query = sa.select(ROW_TABLE.c.number, ROW_TABLE.c.faults).where(
        ROW_TABLE.c.job_id == job_id, ROW_TABLE.c.wrong.is_(True)
    )
    return list(await execute_core(work.session, query.order_by(ROW_TABLE.c.number).limit(most)))


async def list_project_ids(work: UnitOfWork, job_id: UUID) -> list[UUID]:
    """The projects of the sound rows of a short import the caller was given, in order."""
    query = sa.select(ROW_TABLE.c.project_id).where(
        ROW_TABLE.c.job_id == job_id, ROW_TABLE.c.project_id.is_not(None), ROW_TABLE.c.wrong.is_(False)
    )
    return list(
        (
            await execute_core(work.session, query.order_by(ROW_TABLE.c.number).limit(MAX_SHOWN_PROJECTS))
        ).scalars()
    )


async def system_get_row_numbers(work: UnitOfWork, job_id: UUID) -> dict[UUID, int]:
    """Project → the row that is it, of what an import has worked off."""
    query = sa.select(ROW_TABLE.c.project_id, ROW_TABLE.c.number).where(
        ROW_TABLE.c.job_id == job_id, ROW_TABLE.c.project_id.is_not(None), ROW_TABLE.c.wrong.is_(False)
    )
    return {row.project_id: row.number for row in await execute_core(work.session, query)}


async def system_find_next_import(work: UnitOfWork) -> ImportJob | None:
    """The oldest import that is not finished."""
    query = select(ImportJob).where(ImportJob.state == ImportState.RUNNING).order_by(col(ImportJob.id))
    return (await work.session.exec(query.limit(1))).first()


async def system_lock_import(work: UnitOfWork, job_id: UUID) -> ImportJob | None:
    """The same one, locked; None when it is finished or another process works on it."""
    query = select(ImportJob).where(ImportJob.id == job_id, ImportJob.state == ImportState.RUNNING)
    return (await work.session.exec(query.with_for_update(skip_locked=True))).first()


async def system_find_existing(work: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Those of the projects that are there, with the digest of how they were drafted."""
    columns = (PROJECT_TABLE.c.id, PROJECT_TABLE.c.created_digest, PROJECT_TABLE.c.state)
    query = sa.select(*columns).where(PROJECT_TABLE.c.id.in_(ids))
    return {row.id: row for row in await execute_core(work.session, query)}


async def system_find_by_library_code(work: UnitOfWork, codes: Collection[str]) -> dict[str, UUID]:
    """Library code → project, of those the library has."""
    if not codes:
        return {}
    query = sa.select(PROJECT_TABLE.c.library_code, PROJECT_TABLE.c.id).where(
        PROJECT_TABLE.c.library_code.in_(codes)
    )
    return {row.library_code: row.id for row in await execute_core(work.session, query)}


async def system_insert_rows(work: UnitOfWork, values: Sequence[dict[str, Any]]) -> None:
    """Keep what became of rows; a row of an import that was kept before is refused by the table."""
    if values:
        await execute_core(work.session, ROW_TABLE.insert(), values)
