"""Run imports in the background, one transaction per batch: rows, their results and the position commit together.

After a stop the next process continues at the next row. A trial does the same and takes it back with a savepoint.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from shared.auth import Actor, Grant, May, Role
from shared.db import new_id
from shared.errors import ApiError, Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.imports import repository
from shared.imports.models import (
    ImportConfig,
    ImportJobRow,
    ImportKind,
    RowOutcome,
    TableResult,
    TableRun,
    TableUpload,
)
from shared.imports.schemas import ImportQuery, ImportState, RowFault, TableImportRead, TableRowDifference
from shared.records import table_imports, touch_record
from shared.records.table_imports import TableReport
from shared.spreadsheets import CellError, Sheet, SheetRow, annotate_workbook, correct_table, read_sheet
from shared.unit_of_work import ServiceContext, UnitOfWork

AnswerT = TypeVar("AnswerT")
MAX_TABLE_BYTES = 20 * 1024 * 1024
MAX_STORED_BYTES = 2 * MAX_TABLE_BYTES
"""An encrypted file takes a third more."""
MAX_SHOWN_VALUE = 200
MAX_MESSAGE = 500


@dataclass
class _LoadedImport:
    """A table being imported, kept in memory between batches."""

    job_id: UUID
    sheet: Sheet
    run: TableRun


async def start_import(
    work: UnitOfWork, config: ImportConfig, kind: ImportKind, content: bytes, query: ImportQuery
) -> ImportJobRow:
    """Read the table, store it and create the import. Invalid when the file is not a table of this kind."""
    _require_any(work, kind, query.region)
    mapping = table_imports.parse_mapping(query.mapping, kind.columns)
    corrections = table_imports.parse_corrections(query.corrections)
    content = kind.convert(content)
    sheet = await _read_sheet(work, config, kind, content, query.region, mapping)
    if corrections:
        content = await asyncio.to_thread(correct_table, content, sheet, corrections)
        sheet = await _read_sheet(work, config, kind, content, query.region, mapping)
    if not sheet.rows:
        errors = [FieldError("no_rows", note, "no rows", "/rows") for note in sheet.notes]
        raise Invalid("认出了表头, 但下面没有数据", "The table has no rows", errors=errors)
    job_id = new_id()
    stored = await work.context.storage.put(
        _stream(_seal(work.context, kind, job_id, content)), limit=MAX_STORED_BYTES
    )
    job = config.job(
        id=job_id,
        region=query.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        kind=kind.name,
        name=query.name,
        sha256=stored.sha256,
        options=query.model_dump(mode="json", exclude={"mapping", "corrections"}),
        dry_run=query.dry_run,
        partial=query.partial or not kind.makes_one_record,
        actor=serialize_actor(work.actor),
        state=ImportState.RUNNING,
        total=len(sheet.rows),
        mapping=mapping,
        report=_build_report(sheet, kind).model_dump(mode="json"),
    )
    work.session.add(job)
    await work.session.flush()
    if mapping and not query.dry_run:
        await table_imports.remember_mapping(
            work, config.mapping_table, kind.name, query.region, mapping, sheet.signatures
        )
    work.context.memory[_sheet_place(config)] = (job.id, sheet)
    return job


def _sheet_place(config: ImportConfig) -> str:
    """Where the table that was uploaded last waits in memory, so that it need not be read a second time."""
    return f"{config.path}:uploaded"


def _require_any(work: UnitOfWork, kind: ImportKind, region: str) -> None:
    if not any(work.actor.has_access(may, region) for may in kind.mays):
        work.actor.require(kind.mays[0], region)


async def read_heads(
    work: UnitOfWork, config: ImportConfig, kind: ImportKind, content: bytes, query: ImportQuery
) -> TableReport:
    """What the columns of a table are read as, also of one whose required columns nobody has named yet."""
    _require_any(work, kind, query.region)
    mapping = table_imports.parse_mapping(query.mapping, kind.columns)
    sheet = await _read_sheet(work, config, kind, kind.convert(content), query.region, mapping, refuses=False)
    return _build_report(sheet, kind)


def _build_report(sheet: Sheet, kind: ImportKind) -> TableReport:
    """What is to be told about the table; without its cells where they are personal."""
    report = table_imports.build_table_report(sheet, kind.columns)
    if kind.is_confidential:
        for head in report.mapping:
            head.samples = []
    return report


async def _read_sheet(
    work: UnitOfWork,
    config: ImportConfig,
    kind: ImportKind,
    content: bytes,
    region: str,
    mapping: Mapping[str, str],
    *,
    refuses: bool = True,
) -> Sheet:
    options = await table_imports.load_head_options(work, kind.heads, kind.name, region, config.mapping_table)
    sheet = await asyncio.to_thread(
        read_sheet,
        content,
        kind.columns,
        limits=kind.limits,
        words=options.words,
        remembered=options.remembered,
        mapping=mapping,
        identity=kind.identity,
        cross=kind.cross,
        refuses=refuses,
    )
    if kind.prepare is not None:
        kind.prepare(sheet)
    return sheet


def _seal(context: ServiceContext, kind: ImportKind, job_id: UUID, content: bytes) -> bytes:
    if not kind.is_confidential:
        return content
    text = base64.b64encode(content).decode()
    return context.keyring.encrypt(text, associated_data=f"table_import:{job_id}").encode()


async def _load_content(context: ServiceContext, kind: ImportKind, job: ImportJobRow) -> bytes:
    content = b"".join([chunk async for chunk in context.storage.stream(job.sha256)])
    if not kind.is_confidential:
        return content
    return base64.b64decode(
        context.keyring.decrypt(content.decode(), associated_data=f"table_import:{job.id}")
    )


async def _stream(content: bytes) -> AsyncIterator[bytes]:
    yield content


def serialize_actor(actor: Actor) -> dict[str, Any]:
    """The uploader as stored with an import."""
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


def restore_actor(stored: Mapping[str, Any]) -> Actor:
    """The uploader with the rights held at the time of the upload."""
    grants = tuple(Grant(Role(role), region) for role, region in stored["grants"])
    scopes = None if stored["scopes"] is None else frozenset(May(scope) for scope in stored["scopes"])
    return Actor(**{**stored, "grants": grants, "scopes": scopes})


async def run_next_batch(config: ImportConfig, context: ServiceContext) -> bool:
    """Run one batch of the oldest import; False when there is none."""
    async with context.database.read() as session:
        job = await repository.system_find_next_import(context.unit_of_work(session), config)
    if job is None:
        return False
    try:
        loaded = await _load_import(config, context, job)
        await _run_batch(config, context, loaded)
    except ApiError as error:
        if error.status >= 500:  # noqa: PLR2004 - a neighbour is down: tried again
            raise
        await _mark_failed(config, context, job.id, _describe(error))
    except Exception:
        await _mark_failed(config, context, job.id, "系统内部错误, 请告知管理员; 可再次上传同一文件")
        raise
    return True


def _describe(error: ApiError) -> str:
    details = [one.detail for one in error.errors if one.detail not in error.detail]
    return "; ".join([error.detail, *details[:5]])


async def _load_import(config: ImportConfig, context: ServiceContext, job: ImportJobRow) -> _LoadedImport:
    """The table of a job, read once in each process. Other services are asked here, outside of the write transaction."""
    cached: _LoadedImport | None = context.memory.get(config.path)
    if cached is not None and cached.job_id == job.id:
        return cached
    kind = config.get_kind(job.kind)
    uploaded: tuple[UUID, Sheet] | None = context.memory.pop(_sheet_place(config), None)
    async with context.database.read() as session:
        work = context.unit_of_work(session, restore_actor(job.actor))
        if uploaded is not None and uploaded[0] == job.id:
            sheet = uploaded[1]
        else:
            content = await _load_content(context, kind, job)
            sheet = await _read_sheet(work, config, kind, content, job.region, job.mapping)
    async with context.database.read() as session:
        work = context.unit_of_work(session, restore_actor(job.actor))
        query = kind.query.model_validate(job.options)
        upload = TableUpload(job.id, sheet, query, job.dry_run, job.partial)
        loaded = _LoadedImport(job.id, sheet, await kind.open(work, upload))
    context.memory[config.path] = loaded
    return loaded


async def _run_batch(config: ImportConfig, context: ServiceContext, loaded: _LoadedImport) -> None:
    async with context.database.write() as session:
        job = await repository.system_lock_import(context.unit_of_work(session), config, loaded.job_id)
        if job is None:
            return
        work = context.unit_of_work(session, restore_actor(job.actor))
        kind = config.get_kind(job.kind)
        if job.done < job.total:
            await _take_rows(work, config, job, kind, loaded)
        else:  # in a transaction of its own, so that the results of the rows stay when the whole is refused
            await _finish(work, config, job, kind, loaded)
        touch_record(work, job)
        await session.flush()


async def _take_rows(
    work: UnitOfWork, config: ImportConfig, job: ImportJobRow, kind: ImportKind, loaded: _LoadedImport
) -> None:
    """Take the next rows of a job and store what became of them."""
    rows = loaded.sheet.rows[job.done : job.done + kind.batch_rows]
    outcomes = await _try(work, lambda: loaded.run.import_rows(work, rows), takes_back=job.dry_run)
    results = [
        {"job_id": job.id, "position": position, **_build_result(row, outcome, kind)}
        for position, (row, outcome) in enumerate(zip(rows, outcomes, strict=True), job.done)
    ]
    await repository.system_insert_rows(work, config, results)
    job.done += len(rows)
    job.wrong += sum(result["wrong"] for result in results)
    job.already += sum(result["already"] for result in results)
    job.differs += sum(result["is_different"] for result in results)
    job.imported += sum(not result["wrong"] and not result["already"] for result in results)


async def _try(work: UnitOfWork, act: Callable[[], Awaitable[AnswerT]], *, takes_back: bool) -> AnswerT:
    """What `act` answers; with `takes_back` nothing that it wrote stays."""
    if not takes_back:
        return await act()
    savepoint = await work.session.begin_nested()
    try:
        answer = await act()
        await work.session.flush()
    finally:
        if savepoint.is_active:
            await savepoint.rollback()
    return answer


async def _finish(
    work: UnitOfWork, config: ImportConfig, job: ImportJobRow, kind: ImportKind, loaded: _LoadedImport
) -> None:
    result: TableResult | None = None
    if kind.makes_one_record and job.wrong and not job.partial:
        job.message, job.imported = f"表中有 {job.wrong} 行有问题, 一行也没有导入", 0
    elif job.imported or not kind.makes_one_record:
        valid = await repository.system_list_valid_positions(work, config, job.id)
        rows, known = (
            [row for position, row in enumerate(loaded.sheet.rows) if valid.get(position) is wanted]
            for wanted in (False, True)
        )
        result = await _try(work, lambda: loaded.run.finish(work, rows, known), takes_back=job.dry_run)
    elif kind.makes_one_record:
        job.message = "表中没有新的行, 什么也没有导入"
    if result is not None:
        job.record_id = None if job.dry_run else result.record_id
        job.message = result.message[:MAX_MESSAGE]
    job.state, job.finished_at = ImportState.DONE, work.at
    work.context.changed.set()


def _build_result(row: SheetRow, outcome: RowOutcome, kind: ImportKind) -> dict[str, Any]:
    return {
        "id": new_id(),
        "sheet": row.sheet[:100],
        "number": row.number,
        "record_id": outcome.record_id if row.is_valid else None,
        "already": row.is_valid and outcome.already,
        "wrong": not row.is_valid,
        "is_different": row.is_valid and bool(outcome.differs),
        "faults": [_build_fault(row, error, kind) for error in row.errors],
        "differs": outcome.differs if row.is_valid else [],
        "notes": row.notes,
    }


def _build_fault(row: SheetRow, error: CellError, kind: ImportKind) -> dict[str, str]:
    key = error.pointer.rpartition("/")[2] if error.column else ""
    value = "" if kind.is_confidential else row.cell_text(key)[:MAX_SHOWN_VALUE]
    return {"key": key, "value": value, "column": error.column, "message": error.message}


async def _mark_failed(config: ImportConfig, context: ServiceContext, job_id: UUID, message: str) -> None:
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        job = await repository.system_lock_import(work, config, job_id)
        if job is not None:
            job.state, job.message, job.finished_at = ImportState.FAILED, message[:MAX_MESSAGE], work.at
            if config.get_kind(job.kind).makes_one_record:
                job.imported = 0
            touch_record(work, job)


async def cancel_import(work: UnitOfWork, config: ImportConfig, job_id: UUID) -> ImportJobRow:
    """Stop a running import before its next rows; what it made stays."""
    await repository.get_import(work, config, job_id)
    job = await repository.system_lock_import(work, config, job_id)
    if job is None:
        raise Conflict("导入已经结束, 或正在处理一批行; 请稍后再试", "The import is not running")
    job.state, job.finished_at = ImportState.CANCELLED, work.at
    job.message = f"由{work.actor.name}取消, 已处理 {job.done} 行"
    touch_record(work, job)
    await work.session.flush()
    return job


def build_import_read(
    config: ImportConfig,
    job: ImportJobRow,
    faults: Sequence[RowFault] = (),
    differences: Sequence[TableRowDifference] = (),
) -> TableImportRead:
    """The answer about an import with the given faults and differences."""
    address = f"/api/v1{config.path}/{job.id}"
    own = {name for name in TableImportRead.model_fields if hasattr(job, name)} - set(
        TableReport.model_fields
    )
    return TableImportRead(
        **{name: getattr(job, name) for name in own},
        **job.report,
        kind_label=config.get_kind(job.kind).label,
        state_label=job.state.label,
        rows=job.total,
        faults=list(faults),
        differences=list(differences),
        address=address,
        rows_address=f"{address}/rows",
        workbook=f"{address}/workbook",
    )


async def get_import_detail(work: UnitOfWork, config: ImportConfig, job: ImportJobRow) -> TableImportRead:
    """The answer about an import with its first faults and differences."""
    rows = await repository.list_told_rows(work, config, job.id, repository.MAX_SHOWN_FAULTS)
    faults = [RowFault(sheet=row.sheet, row=row.number, **fault) for row in rows for fault in row.faults]
    differences = [
        TableRowDifference(sheet=row.sheet, row=row.number, record_id=row.record_id, fields=row.differs)
        for row in rows
        if row.differs
    ]
    return build_import_read(config, job, faults[: repository.MAX_SHOWN_FAULTS], differences)


async def build_workbook(
    work: UnitOfWork, config: ImportConfig, job: ImportJobRow, *, only_wrong: bool
) -> bytes:
    """The uploaded workbook, its wrong cells marked, what is to be said about each row in an extra column."""
    kind = config.get_kind(job.kind)
    if kind.is_confidential and job.created_by != work.actor.id:
        raise Forbidden("原表含个人信息, 只有上传的人可以下载", "Only the uploader gets a table of persons")
    told = {(row.sheet, row.number): row for row in await repository.list_told_rows(work, config, job.id)}
    try:
        content = await _load_content(work.context, kind, job)
    except NotFound as error:
        raise Conflict("原表的文件已不在, 请重新上传", "The uploaded file is gone") from error
    sheet = await _read_sheet(work, config, kind, content, job.region, job.mapping)
    for row in sheet.rows:
        result = told.get((row.sheet[:100], row.number))
        row.errors, row.notes = [], []
        if result is not None:
            row.errors = [
                CellError(
                    row.number, one["column"], one["message"], f"/rows/{row.number}/{one['key']}", row.sheet
                )
                for one in result.faults
            ]
            row.notes = [
                f"{one['column']}: 库内 {one['library'] or '空'}, 表中 {one['table'] or '空'}"
                for one in result.differs
            ]
    return await asyncio.to_thread(annotate_workbook, content, sheet, only_wrong=only_wrong)
