"""Import of allocation tables (分配表): match rows with projects and sources, create one draft plan or nothing.

A row whose project is not in the project library is an error: projects are never created here.
"""

import asyncio
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import Field

from services.funds.plans import service
from services.funds.plans.schemas import ImportedLine, PlanCreate, PlanImportRead, PlanLineWrite
from services.funds.policy import PLAN_HEADS
from services.funds.sources import repository as sources
from services.funds.sources.models import Source
from services.funds.sources.schemas import FundLevel
from shared.auth import May
from shared.china import PositiveMoney, format_yuan, normalize_document_no
from shared.clients.projects import ProjectsClient, ProjectSnapshot
from shared.errors import FieldError, FieldErrorRead, Invalid
from shared.imports.models import ImportKind, RowOutcome, TableResult, TableUpload
from shared.imports.schemas import ImportQuery
from shared.records.table_imports import load_head_options
from shared.spreadsheets import WAN, Column, Sheet, SheetLimits, SheetRow, annotate_workbook, read_sheet
from shared.spreadsheets import build_template as build_sheet_template
from shared.unit_of_work import UnitOfWork

TABLE_LIMITS = SheetLimits(size=4 * 1024 * 1024, rows=500)

TABLE_COLUMNS = (
    Column(
        "code",
        "库编号",
        aliases=("项目库编号", "项目编号", "项目编码"),
        note="项目库中的编号; 有同名项目时必须填写",
    ),
    Column(
        "name", "项目名称", aliases=("项目", "工程名称"), required=True, width=36, note="与项目库中的名称一致"
    ),
    Column("place", "实施地点", aliases=("项目地点", "建设地点", "项目实施地点", "地点"), width=24),
    Column(
        "content",
        "建设内容",
        aliases=("建设内容及规模", "主要建设内容", "项目内容", "建设内容与规模"),
        width=40,
    ),
    Column(
        "amount",
        "资金(万元)",
        WAN,
        aliases=(
            "安排资金(万元)",
            "下达资金(万元)",
            "资金规模(万元)",
            "金额(万元)",
            "安排金额(万元)",
            "资金",
            "金额",
        ),
        required=True,
        note="万元, 最多六位小数",
    ),
    Column("document_no", "指标文号", aliases=("资金文号", "文号"), note="方案用到几份指标文时填写"),
    Column("fund", "资金名称", aliases=("资金来源", "资金类型", "资金类别"), width=30),
    Column("project_type", "项目类型", aliases=("类型", "项目类别", "建设性质")),
    Column("unit", "责任单位", aliases=("项目责任单位", "实施单位", "主管部门", "项目实施单位"), width=24),
    Column("target", "绩效目标", aliases=("绩效", "预期效益"), width=40),
)

LEVEL_WORDS = {
    FundLevel.CENTRAL: ("中央",),
    FundLevel.PROVINCIAL: ("省",),
    FundLevel.CITY: ("市",),
    FundLevel.COUNTY: ("县", "区"),
}
_BRACKET_FORMS = str.maketrans("﹝﹞[]【】〔〕", "〔〕〔〕〔〕〔〕")


def normalize_text(text: str) -> str:
    """Normalise a name or number for comparison: NFKC, one form of brackets, no whitespace, lower case."""
    plain = unicodedata.normalize("NFKC", text.translate(_BRACKET_FORMS)).translate(_BRACKET_FORMS)
    return re.sub(r"\s", "", plain).casefold()


def find_project(row: SheetRow, projects: Sequence[ProjectSnapshot]) -> ProjectSnapshot | None:
    """Find the one project of the project library that a row names; else None, with an error on the row."""
    code, name = row.values.get("code"), row.values["name"]
    if code:
        matches = [project for project in projects if normalize_text(project.code) == normalize_text(code)]
        if not matches:
            row.add_error("code", f"项目库中没有编号 {code}")
        return matches[0] if matches else None
    matches = [project for project in projects if normalize_text(project.name) == normalize_text(name)]
    if len(matches) > 1 and (place := row.values.get("place")):
        matches = [
            project for project in matches if normalize_text(project.place) == normalize_text(place)
        ] or matches
    if len(matches) == 1:
        return matches[0]
    if not matches:
        row.add_error("name", "项目库中没有这个项目, 资金跟着项目走, 请先入库")
    else:
        codes = "、".join(project.code or str(project.id) for project in matches[:5])
        row.add_error("name", f"项目库中有 {len(matches)} 个同名项目, 请填写库编号: {codes}")
    return None


def find_source(row: SheetRow, documents: Mapping[UUID, Source]) -> Source | None:
    """Find the fund document of a row: by its number, else the only one, else by the level in 资金名称."""
    if number := row.values.get("document_no"):
        matches = [
            source for source in documents.values() if source.document_key == normalize_document_no(number)
        ]
        if len(matches) != 1:
            row.add_error("document_no", f"本次导入没有指明指标文 {number}")
        return matches[0] if len(matches) == 1 else None
    if len(documents) == 1:
        return next(iter(documents.values()))
    fund = row.values.get("fund") or ""
    matches = [source for source in documents.values() if fund.startswith(LEVEL_WORDS[source.level])]
    if len(matches) != 1:
        row.add_error("fund", "分不清用哪一份指标文, 请填写指标文号")
    return matches[0] if len(matches) == 1 else None


@dataclass(frozen=True)
class ImportParams:
    """Parameters of an import beside the file."""

    plan: PlanCreate
    source_ids: Sequence[UUID]


@dataclass(frozen=True)
class MatchedRow:
    """A row with the matched project and fund document."""

    row: SheetRow
    project: ProjectSnapshot | None
    source: Source | None


def build_template() -> bytes:
    """Build an empty allocation table (XLSX)."""
    return build_sheet_template(TABLE_COLUMNS, name="资金分配表", title="资金分配表")


async def read_table(
    work: UnitOfWork, content: bytes, table: ImportParams
) -> tuple[Sheet, list[MatchedRow], list[FieldError]]:
    """Read the table and match its rows; return the sheet, the matched rows and errors of the whole table."""
    work.actor.require(May.PLAN_DRAFT, table.plan.region)
    async with work.context.database.read() as session:
        read_work = work.context.unit_of_work(session, work.actor)
        options = await load_head_options(read_work, PLAN_HEADS, "plans", table.plan.region)
    sheet = await asyncio.to_thread(
        read_sheet, content, TABLE_COLUMNS, limits=TABLE_LIMITS, words=options.words, identity=("name",)
    )
    matched = await match_rows(work, sheet, table)
    return sheet, matched, check_total(sheet.rows, table.plan.announced_total)


async def match_rows(work: UnitOfWork, sheet: Sheet, table: ImportParams) -> list[MatchedRow]:
    """Match the rows with projects of the library and fund documents; what is not found is an error of its row."""
    names = {row.values["name"] for row in sheet.rows if row.values.get("name")}
    codes = {row.values["code"] for row in sheet.rows if row.values.get("code")}
    projects = await ProjectsClient(work.service_client("projects")).search_projects(
        table.plan.region, sorted(names | codes)
    )
    async with work.context.database.read() as session:
        read_work = work.context.unit_of_work(session, work.actor)
        documents = {key: await sources.get_source(read_work, key) for key in table.source_ids}
    return [_match_row(row, projects, documents) for row in sheet.rows]


def _match_row(
    row: SheetRow, projects: Sequence[ProjectSnapshot], documents: Mapping[UUID, Source]
) -> MatchedRow:
    amount = row.values.get("amount")
    if amount is not None and amount <= 0:
        row.add_error("amount", "金额须大于零")
    project = find_project(row, projects) if row.values.get("name") else None
    return MatchedRow(row, project, find_source(row, documents))


def _sum_rows(rows: Sequence[SheetRow]) -> int:
    return sum(row.values.get("amount") or 0 for row in rows)


def check_total(rows: Sequence[SheetRow], announced_total: int | None) -> list[FieldError]:
    """What is wrong with the rows as a whole: none, or another sum than was announced."""
    if not rows:
        return [FieldError("no_rows", "表中没有一行数据", "no rows", "/rows")]
    total, announced = _sum_rows(rows), announced_total or 0
    if total == announced:
        return []
    detail = f"明细合计 {format_yuan(total)} 元, 方案总额 {format_yuan(announced)} 元, 相差 {format_yuan(total - announced)} 元"
    return [FieldError("total", detail, f"off by {format_yuan(total - announced)}", "/announced_total")]


async def import_table(
    work: UnitOfWork, content: bytes, table: ImportParams, *, dry_run: bool
) -> PlanImportRead:
    """Import the table as a draft plan, or only validate it (`dry_run`); Invalid if there is any error."""
    sheet, matched, errors = await read_table(work, content, table)
    errors = [*errors, *sheet.to_field_errors()]
    if errors and not dry_run:
        raise Invalid(f"表中有 {len(errors)} 处问题, 一行也没有导入", "Nothing was imported", errors=errors)
    plan_id = None
    if not dry_run:
        body = table.plan.model_copy(update={"lines": [_build_plan_line(row) for row in matched]})
        plan_id = (await service.create_plan(work, body)).id
    total, announced = _sum_rows(sheet.rows), table.plan.announced_total or 0
    return PlanImportRead.model_construct(
        plan_id=plan_id,
        lines=[_build_imported_line(row) for row in matched],
        total=max(0, total),
        announced_total=announced,
        difference=total - announced,
        totals_skipped=sheet.totals,
        columns_ignored=sheet.ignored,
        errors=[
            FieldErrorRead(pointer=error.pointer, code=error.code, detail=error.detail) for error in errors
        ],
    )


async def annotate_table(work: UnitOfWork, content: bytes, table: ImportParams) -> bytes:
    """Return the uploaded table with its wrong cells marked and a column of errors (XLSX)."""
    sheet, _, _ = await read_table(work, content, table)
    return await asyncio.to_thread(annotate_workbook, content, sheet)


def _build_imported_line(matched: MatchedRow) -> ImportedLine:
    values = matched.row.values
    return ImportedLine.model_construct(
        row=matched.row.number,
        name=values.get("name") or "",
        place=values.get("place") or "",
        amount=max(0, values.get("amount") or 0),
        project_id=matched.project.id if matched.project else None,
        project_state=matched.project.state if matched.project else "",
        document_no=matched.source.document_no if matched.source else "",
    )


def _build_plan_line(matched: MatchedRow) -> PlanLineWrite:
    if matched.project is None or matched.source is None:
        raise ValueError(f"row {matched.row.number} was not matched")
    values = matched.row.values
    return PlanLineWrite.model_construct(
        id=None,
        allocation_id=None,
        management_fee=None,
        industry=None,
        industry_basis="",
        project_id=matched.project.id,
        source_id=matched.source.id,
        amount=values["amount"],
        fund_note=values.get("fund") or "",
        name=values.get("name") or "",
        place=values.get("place") or "",
        content=values.get("content") or "",
        project_type=values.get("project_type") or "",
        unit=values.get("unit") or "",
        target=values.get("target") or "",
    )


class PlanImportQuery(ImportQuery):
    """导入分配表为编制中的方案."""

    title: str = Field(min_length=2, max_length=300, description="方案标题")
    year: int = Field(ge=2000, le=2100)
    source_id: list[UUID] = Field(min_length=1, max_length=20, description="所用指标文, 可几份")
    announced_total: PositiveMoney = Field(description="方案总额, 元; 明细合计须分毫不差")
    batch: str = Field("", max_length=200)


async def open_plan(work: UnitOfWork, upload: TableUpload) -> "PlanRun":
    """Match the rows; asks the projects service."""
    query: PlanImportQuery = upload.query
    body = PlanCreate.model_construct(
        id=None,
        region=query.region,
        title=query.title,
        year=query.year,
        batch=query.batch,
        announced_total=query.announced_total,
    )
    params = ImportParams(body, tuple(dict.fromkeys(query.source_id)))
    return PlanRun(body, await match_rows(work, upload.sheet, params))


@dataclass
class PlanRun:
    """One allocation table being imported: all its rows are matched, its end makes the plan."""

    plan: PlanCreate
    matched: Sequence[MatchedRow]

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Say which project each row means."""
        work.actor.require(May.PLAN_DRAFT, self.plan.region)
        projects = {id(one.row): one.project for one in self.matched}
        return [RowOutcome(project.id if (project := projects[id(row)]) else None) for row in rows]

    async def finish(
        self,
        work: UnitOfWork,
        rows: Sequence[SheetRow],
        known: Sequence[SheetRow],  # noqa: ARG002 - no row is known before
    ) -> TableResult:
        """Create the draft plan; Invalid unless the rows add up to the announced total."""
        if errors := check_total(rows, self.plan.announced_total):
            raise Invalid(errors[0].detail, "The table does not add up", errors=errors)
        wanted = {id(row) for row in rows}
        lines = [one for one in self.matched if id(one.row) in wanted]
        projects = {one.project.id: one.project for one in lines if one.project}
        body = self.plan.model_copy(update={"lines": [_build_plan_line(one) for one in lines]})
        plan = await service.create_plan(work, body, projects)
        return TableResult(plan.id, f"已建方案草稿, {len(lines)} 项, 共 {format_yuan(_sum_rows(rows))} 元")


PLAN_TABLE = ImportKind(
    name="plans",
    label="资金分配表",
    mays=(May.PLAN_DRAFT,),
    columns=TABLE_COLUMNS,
    heads=PLAN_HEADS,
    open=open_plan,
    query=PlanImportQuery,
    identity=("name",),
    makes_one_record=True,
    limits=TABLE_LIMITS,
)
