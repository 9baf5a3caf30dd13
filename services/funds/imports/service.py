"""Taking an allocation table in: every wrong row at once, the total to the 分, then one plan in draft or nothing.

Projects are never made here: money follows projects (资金跟着项目走), so a row whose project is not in the library
is a wrong row, and the list of projects is imported into the library first.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.funds.commitments import library
from services.funds.commitments.project import LibraryProject
from services.funds.imports import matching
from services.funds.imports.columns import COLUMNS, LIMITS
from services.funds.imports.schemas import ImportedLine, ImportRead
from services.funds.plans import drafting
from services.funds.plans.schemas import LineWrite, PlanCreate
from services.funds.sources import repository as sources
from services.funds.sources.models import Source
from shared.errors import Fault, FaultRead, Invalid
from shared.money import yuan
from shared.permissions import May
from shared.sheets import Row, Sheet, annotated, read, template
from shared.work import Work


@dataclass(frozen=True)
class Table:
    """What the importer says beside the file."""

    plan: PlanCreate
    source_ids: Sequence[UUID]


@dataclass(frozen=True)
class Found:
    """One row with the project and the document it means."""

    row: Row
    project: LibraryProject | None
    source: Source | None


def form() -> bytes:
    """An empty table to fill in (XLSX)."""
    return template(COLUMNS, name="资金分配表", title="资金分配表")


async def check(work: Work, content: bytes, table: Table) -> tuple[Sheet, list[Found], list[Fault]]:
    """The file's rows matched with library and documents, and what is wrong with it as a whole."""
    work.actor.require(May.PLAN_DRAFT, table.plan.region)
    sheet = await asyncio.to_thread(read, content, COLUMNS, limits=LIMITS)
    names = {row.values["name"] for row in sheet.rows if row.values.get("name")}
    codes = {row.values["code"] for row in sheet.rows if row.values.get("code")}
    known = await library.search(work.peer("projects"), table.plan.region, sorted(names | codes))
    async with work.context.database.read() as session:
        outside = work.context.work(session, work.actor)
        given = {one.id: one for one in [await sources.get(outside, key) for key in table.source_ids]}
    found = [_found(row, known, given) for row in sheet.rows]
    return sheet, found, _whole(sheet, table)


def _found(row: Row, known: Sequence[LibraryProject], given: Mapping[UUID, Source]) -> Found:
    amount = row.values.get("amount")
    if amount is not None and amount <= 0:
        row.fault("amount", "金额须大于零")
    project = matching.project(row, known) if row.values.get("name") else None
    return Found(row, project, matching.source(row, given))


def _total(sheet: Sheet) -> int:
    return sum(row.values.get("amount") or 0 for row in sheet.rows)


def _whole(sheet: Sheet, table: Table) -> list[Fault]:
    if not sheet.rows:
        return [Fault("no_rows", "表中没有一行数据", "no rows", "/rows")]
    total, announced = _total(sheet), table.plan.announced_total or 0
    if total == announced:
        return []
    detail = f"明细合计 {yuan(total)} 元, 方案总额 {yuan(announced)} 元, 相差 {yuan(total - announced)} 元"
    return [Fault("total", detail, f"off by {yuan(total - announced)}", "/announced_total")]


async def take(work: Work, content: bytes, table: Table, *, dry_run: bool) -> ImportRead:
    """Import the table as a plan in draft, or only say what is wrong with it; Invalid when anything is."""
    sheet, found, faults = await check(work, content, table)
    faults = [*faults, *sheet.problems()]
    if faults and not dry_run:
        raise Invalid(f"表中有 {len(faults)} 处问题, 一行也没有导入", "Nothing was imported", faults=faults)
    plan_id = None
    if not dry_run:
        body = table.plan.model_copy(update={"lines": [_line(one) for one in found]})
        plan_id = (await drafting.draft(work, body)).id
    total, announced = _total(sheet), table.plan.announced_total or 0
    return ImportRead.model_construct(
        plan_id=plan_id,
        lines=[_shown(one) for one in found],
        total=max(0, total),
        announced_total=announced,
        difference=total - announced,
        totals_skipped=sheet.totals,
        columns_ignored=sheet.ignored,
        errors=[FaultRead(pointer=one.pointer, code=one.code, detail=one.detail) for one in faults],
    )


async def marked(work: Work, content: bytes, table: Table) -> bytes:
    """The same table with a column that says what is wrong with each row (XLSX)."""
    sheet, _, _ = await check(work, content, table)
    return await asyncio.to_thread(annotated, sheet)


def _shown(one: Found) -> ImportedLine:
    values = one.row.values
    return ImportedLine.model_construct(
        row=one.row.number,
        name=values.get("name") or "",
        place=values.get("place") or "",
        amount=max(0, values.get("amount") or 0),
        project_id=one.project.id if one.project else None,
        project_state=one.project.state if one.project else "",
        document_no=one.source.document_no if one.source else "",
    )


def _line(one: Found) -> LineWrite:
    if one.project is None or one.source is None:
        raise ValueError(f"row {one.row.number} was not matched")
    values = one.row.values
    return LineWrite.model_construct(
        id=None,
        allocation_id=None,
        management_fee=None,
        industry=None,
        industry_basis="",
        project_id=one.project.id,
        source_id=one.source.id,
        amount=values["amount"],
        fund_note=values.get("fund") or "",
        name=values.get("name") or "",
        place=values.get("place") or "",
        content=values.get("content") or "",
        project_type=values.get("project_type") or "",
        unit=values.get("unit") or "",
        target=values.get("target") or "",
    )
