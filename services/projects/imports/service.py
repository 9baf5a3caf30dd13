"""Run imports: short tables in the request, long ones in the background, one transaction per batch.

A batch commits drafts, row results and the position together; after a stop the next process continues at the next row.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.projects.categories import service as categories
from services.projects.imports import importer, repository
from services.projects.imports.importer import RowReader
from services.projects.imports.models import ImportJob
from services.projects.imports.repository import MAPPING_TABLE
from services.projects.imports.schemas import (
    IMPORT_COLUMNS,
    ImportRead,
    RowDifference,
    RowFault,
    build_import_columns,
)
from services.projects.policy import IMPORT_CATEGORIES, IMPORT_HEADS
from services.projects.quantities.rules import QUANTITY_UNITS
from shared.auth import Actor, Grant, May, Role
from shared.china import PlaceNames
from shared.db import new_id
from shared.errors import ApiError, Conflict, FieldError, Invalid, NotFound
from shared.files import Storage
from shared.imports.schemas import ImportState
from shared.lifecycle.transitions import entry_time
from shared.records import table_imports, touch_record
from shared.records.region_names import load_place_names
from shared.records.table_imports import TableReport
from shared.spreadsheets import CellCorrection, CellError, Sheet, annotate_workbook, correct_table, read_sheet
from shared.unit_of_work import ServiceContext, UnitOfWork

MAX_IMMEDIATE_ROWS = 200
"""Tables up to this size are imported before the response is sent."""
BATCH_ROWS, TRIAL_BATCH_ROWS = 50, 200
"""Rows of one transaction of an import, and of a trial, which writes only results."""
TABLE_KIND = "projects"
"""The rule `import.heads.projects` and the remembered mappings of this kind of table."""
CHANGE_STEP = "草稿可直接修改项目; 已申报的请走变更申请"
MAX_TABLE_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class ImportRequest:
    """An uploaded table and the options of its import."""

    content: bytes
    region: str
    year: int | None = None
    happened_at: datetime | None = None
    name: str = ""
    dry_run: bool = False
    mapping: str = ""
    corrections: str = ""


@dataclass
class PreparedImport:
    """A parsed table with its row reader; `row_numbers` maps project id to sheet and row and grows with every batch."""

    sheet: Sheet
    reader: RowReader
    row_numbers: dict[UUID, tuple[str, int]]


async def start_import(work: UnitOfWork, request: ImportRequest) -> ImportJob:
    """Store the table and create the import; a short table is finished on return. Raise Invalid when the file is not a valid table."""
    work.actor.require(May.PROJECT_DECLARE, request.region)
    entry_time(request.happened_at, work.at)
    mapping = table_imports.parse_mapping(request.mapping, IMPORT_COLUMNS)
    names = await load_place_names(work, request.region)
    options = await table_imports.load_head_options(
        work, IMPORT_HEADS, TABLE_KIND, request.region, MAPPING_TABLE
    )
    corrections = table_imports.parse_corrections(request.corrections)
    content, sheet = await asyncio.to_thread(_read_corrected, request, options, mapping, corrections)
    if not sheet.rows:
        raise _no_rows_error(sheet)
    stored = await work.context.storage.put(_stream_content(content), limit=MAX_TABLE_BYTES)
    job = ImportJob(
        id=new_id(),
        region=request.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        name=request.name,
        sha256=stored.sha256,
        year=request.year,
        happened_at=request.happened_at,
        dry_run=request.dry_run,
        actor=_serialize_actor(work.actor),
        state=ImportState.RUNNING,
        total=len(sheet.rows),
        ignored=sheet.ignored[:200],
        mapping=mapping,
        report=table_imports.build_table_report(sheet, IMPORT_COLUMNS).model_dump(mode="json"),
    )
    work.session.add(job)
    await work.session.flush()
    if mapping and not request.dry_run:
        await table_imports.remember_mapping(
            work, MAPPING_TABLE, TABLE_KIND, request.region, mapping, sheet.signatures
        )
    if len(sheet.rows) <= MAX_IMMEDIATE_ROWS:
        prepared = PreparedImport(sheet, await _build_reader(work, job, names), {})
        await _import_next_rows(work, job, prepared, MAX_IMMEDIATE_ROWS)
    return job


async def read_heads(work: UnitOfWork, request: ImportRequest) -> TableReport:
    """What the columns of a table are read as, also of one whose required columns nobody has named yet."""
    work.actor.require(May.PROJECT_DECLARE, request.region)
    mapping = table_imports.parse_mapping(request.mapping, IMPORT_COLUMNS)
    options = await table_imports.load_head_options(
        work, IMPORT_HEADS, TABLE_KIND, request.region, MAPPING_TABLE
    )
    sheet = await asyncio.to_thread(
        read_sheet,
        request.content,
        build_import_columns(request.year),
        words=options.words,
        remembered=options.remembered,
        mapping=mapping,
        identity=("name",),
        refuses=False,
    )
    return table_imports.build_table_report(sheet, IMPORT_COLUMNS)


def _parse_table(
    content: bytes, year: int | None, options: table_imports.HeadOptions, mapping: Mapping[str, str]
) -> Sheet:
    """Read the table and join the rows that one merged amount covers."""
    sheet = read_sheet(
        content,
        build_import_columns(year),
        words=options.words,
        remembered=options.remembered,
        mapping=mapping,
        identity=("name",),
    )
    importer.merge_continued_rows(sheet)
    return sheet


def _read_corrected(
    request: ImportRequest,
    options: table_imports.HeadOptions,
    mapping: Mapping[str, str],
    corrections: Sequence[CellCorrection],
) -> tuple[bytes, Sheet]:
    """The table with the corrected cells, and what is read from it."""
    sheet = _parse_table(request.content, request.year, options, mapping)
    if not corrections:
        return request.content, sheet
    content = correct_table(request.content, sheet, corrections)
    return content, _parse_table(content, request.year, options, mapping)


def _no_rows_error(sheet: Sheet) -> Invalid:
    detail = "认出了表头, 但下面没有数据"
    errors = [FieldError("no_rows", note, "no rows", "/rows") for note in sheet.notes]
    return Invalid(detail, "The table has no rows", errors=errors)


async def _stream_content(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _serialize_actor(actor: Actor) -> dict[str, Any]:
    return {
        "id": actor.id,
        "name": actor.name,
        "grants": [[grant.role.value, grant.region] for grant in actor.grants],
        "organisation": actor.organisation,
        "kind": actor.kind,
        "scopes": None if actor.scopes is None else sorted(actor.scopes),
        "on_behalf_of": actor.on_behalf_of,
        "device": actor.device,
    }


def _restore_actor(stored: dict[str, Any]) -> Actor:
    """Restore the uploader with the rights held at the time of the upload."""
    grants = tuple(Grant(Role(role), region) for role, region in stored["grants"])
    scopes = None if stored["scopes"] is None else frozenset(May(scope) for scope in stored["scopes"])
    return Actor(**{**stored, "grants": grants, "scopes": scopes})


async def _build_reader(work: UnitOfWork, job: ImportJob, names: PlaceNames) -> RowReader:
    rule = await work.get_rule(IMPORT_CATEGORIES, region=job.region)
    tree = await categories.get_category_tree(work, region=job.region)
    words = list(rule.value)
    units = (await work.get_rule(QUANTITY_UNITS, region=job.region)).value
    return RowReader(job.region, names, tree.items, words, units, job.year, job.happened_at)


async def _import_next_rows(work: UnitOfWork, job: ImportJob, prepared: PreparedImport, limit: int) -> None:
    """Import the next rows of a job in the transaction of `work`."""
    batch = prepared.sheet.rows[job.done : job.done + limit]
    results = await importer.import_rows(
        work, batch, prepared.reader, prepared.row_numbers, dry_run=job.dry_run
    )
    await repository.system_insert_rows(
        work,
        [
            {"job_id": job.id, "position": position, **result}
            for position, result in enumerate(results, job.done + 1)
        ],
    )
    job.done += len(batch)
    job.differs += sum(result["is_different"] for result in results)
    job.wrong += sum(result["wrong"] for result in results)
    job.already += sum(result["already"] for result in results)
    job.imported += sum(not result["wrong"] and not result["already"] for result in results)
    if job.done >= job.total:
        job.state, job.finished_at = ImportState.DONE, work.at
    touch_record(work, job)
    await work.session.flush()


async def run_next_batch(context: ServiceContext) -> bool:
    """Run one batch of the oldest import; return False when there is none."""
    async with context.database.read() as session:
        job = await repository.system_find_next_import(context.unit_of_work(session))
    if job is None:
        return False
    try:
        prepared = await _load_prepared(context, job)
        await _run_batch(context, job.id, prepared)
    except (NotFound, Invalid) as error:
        await _mark_failed(context, job.id, error.detail)
    except ApiError:
        raise
    except Exception:
        await _mark_failed(context, job.id, "系统内部错误, 请告知管理员; 再次上传同一文件会接着导入")
        raise
    return True


async def _run_batch(context: ServiceContext, job_id: UUID, prepared: PreparedImport) -> None:
    async with context.database.write() as session:
        job = await repository.system_lock_import(context.unit_of_work(session), job_id)
        if job is not None:
            prepared.row_numbers |= await repository.system_get_row_numbers(
                context.unit_of_work(session), job_id
            )
            await _import_next_rows(
                context.unit_of_work(session, _restore_actor(job.actor)),
                job,
                prepared,
                TRIAL_BATCH_ROWS if job.dry_run else BATCH_ROWS,
            )


async def _load_prepared(context: ServiceContext, job: ImportJob) -> PreparedImport:
    """Return the parsed table, cached in memory for the current job, so that a batch need not read the file again."""
    cached: tuple[UUID, PreparedImport] | None = context.memory.get("import")
    if cached is not None and cached[0] == job.id:
        return cached[1]
    async with context.database.read() as session:
        work = context.unit_of_work(session, _restore_actor(job.actor))
        names = await load_place_names(work, job.region)
        sheet = await _read_sheet(work, job)
        prepared = PreparedImport(sheet, await _build_reader(work, job, names), {})
    context.memory["import"] = (job.id, prepared)
    return prepared


async def _load_content(storage: Storage, job: ImportJob) -> bytes:
    return b"".join([chunk async for chunk in storage.stream(job.sha256)])


async def _read_sheet(work: UnitOfWork, job: ImportJob) -> Sheet:
    options = await table_imports.load_head_options(work, IMPORT_HEADS, TABLE_KIND, job.region, MAPPING_TABLE)
    content = await _load_content(work.context.storage, job)
    return await asyncio.to_thread(_parse_table, content, job.year, options, job.mapping)


async def cancel_import(work: UnitOfWork, job_id: UUID) -> ImportJob:
    """Stop a running import before its next rows; drafts that it made stay."""
    await repository.get_import(work, job_id)
    job = await repository.system_lock_import(work, job_id)
    if job is None:
        raise Conflict("导入已经结束, 或正在处理一批行; 请稍后再试", "The import is not running")
    job.state, job.finished_at = ImportState.CANCELLED, work.at
    job.message = f"由{work.actor.name}取消, 已处理 {job.done} 行"
    touch_record(work, job)
    await work.session.flush()
    return job


async def _mark_failed(context: ServiceContext, job_id: UUID, message: str) -> None:
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        job = await repository.system_lock_import(work, job_id)
        if job is not None:
            job.state, job.message, job.finished_at = ImportState.FAILED, message[:500], work.at
            touch_record(work, job)


def build_import_read(
    job: ImportJob,
    faults: Sequence[RowFault] = (),
    project_ids: Sequence[UUID] = (),
    differences: Sequence[RowDifference] = (),
) -> ImportRead:
    """Build the response of an import with the given errors, projects and differences."""
    address = f"/api/v1/projects/imports/{job.id}"
    own = {name for name in ImportRead.model_fields if hasattr(job, name)} - set(TableReport.model_fields)
    return ImportRead(
        **{name: getattr(job, name) for name in own},
        **job.report,
        state_label=job.state.label,
        rows=job.total,
        faults=list(faults),
        project_ids=list(project_ids),
        differences=list(differences),
        address=address,
        rows_address=f"{address}/rows",
        workbook=f"{address}/workbook",
    )


async def get_import_detail(work: UnitOfWork, job: ImportJob) -> ImportRead:
    """Build the response of an import with its first errors and, for a short table, its projects."""
    limit = repository.MAX_SHOWN_FAULTS
    faults = [
        RowFault(sheet=row.sheet, row=row.number, **fault)
        for row in await repository.list_wrong_rows(work, job.id, limit)
        for fault in row.faults
    ]
    differences = [
        RowDifference(
            sheet=row.sheet, row=row.number, project_id=row.project_id, fields=row.differs, next=CHANGE_STEP
        )
        for row in await repository.list_differing_rows(work, job.id, limit)
    ]
    project_ids = await repository.list_project_ids(work, job.id) if job.total <= MAX_IMMEDIATE_ROWS else []
    return build_import_read(job, faults[:limit], project_ids, differences)


async def build_workbook(work: UnitOfWork, job: ImportJob, *, only_wrong: bool) -> bytes:
    """Return the uploaded workbook with faulty cells marked and the errors of each row in an extra column."""
    faults = {(row.sheet, row.number): row.faults for row in await repository.list_wrong_rows(work, job.id)}
    differs = {
        (row.sheet, row.number): row.differs for row in await repository.list_differing_rows(work, job.id)
    }
    try:
        content = await _load_content(work.context.storage, job)
        sheet = await _read_sheet(work, job)
    except NotFound as error:
        raise Conflict("原表的文件已不在, 请重新上传", "The uploaded file is gone") from error
    for row in sheet.rows:
        key = (row.sheet[:100], row.number)
        row.errors = [
            CellError(
                row.number, fault["column"], fault["message"], f"/rows/{row.number}/{fault['key']}", row.sheet
            )
            for fault in faults.get(key, ())
        ]
        row.notes = [
            f"{one['column']}: 库内 {one['library'] or '空'}, 表中 {one['table'] or '空'}"
            for one in differs.get(key, ())
        ]
    return await asyncio.to_thread(annotate_workbook, content, sheet, only_wrong=only_wrong)
