"""Run imports: short tables in the request, long ones in the background, one transaction per batch.

A batch stores drafts, row results and position together; after a stop the next process continues after the last committed batch.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.projects.categories import service as categories
from services.projects.imports import importer, repository
from services.projects.imports.importer import RowReader
from services.projects.imports.models import ImportJob
from services.projects.imports.schemas import IMPORT_COLUMNS, ImportRead, ImportState, RowFault
from shared.auth import Actor, Grant, May, Role
from shared.db import new_id
from shared.errors import ApiError, Conflict, FieldError, Invalid, NotFound
from shared.files import Storage
from shared.spreadsheets import CellError, Sheet, annotate_sheet, read_sheet
from shared.unit_of_work import ServiceContext, UnitOfWork

MAX_IMMEDIATE_ROWS = 200
"""Rows of a table that is worked off before the answer leaves."""
BATCH_ROWS = 50
MAX_TABLE_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class ImportRequest:
    """What is to be imported, and how."""

    content: bytes
    region: str
    year: int | None = None
    happened_at: datetime | None = None
    name: str = ""
    dry_run: bool = False


@dataclass
class PreparedImport:
    """A table and what its rows are understood with; `seen` fills as rows are worked off."""

    sheet: Sheet
    reader: RowReader
    row_numbers: dict[UUID, int]


async def start_import(work: UnitOfWork, asked: ImportRequest) -> ImportJob:
    """Keep the table and begin: finished when it is short, running otherwise. Invalid when it is no table of ours."""
    work.actor.require(May.PROJECT_DECLARE, asked.region)
    if asked.happened_at is not None and asked.happened_at > work.at:
        detail = "提出时间不能晚于现在"
        raise Invalid(detail, errors=[FieldError("in_the_future", detail, "in the future", "/happened_at")])
    names = await repository.load_region_names(work, asked.region)
    sheet = await asyncio.to_thread(read_sheet, asked.content, IMPORT_COLUMNS)
    stored = await work.context.storage.put(_stream_content(asked.content), limit=MAX_TABLE_BYTES)
    job = ImportJob(
        id=new_id(),
        region=asked.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        name=asked.name,
        sha256=stored.sha256,
        year=asked.year,
        happened_at=asked.happened_at,
        dry_run=asked.dry_run,
        actor=_serialize_actor(work.actor),
        state=ImportState.RUNNING,
        total=len(sheet.rows),
        ignored=sheet.ignored[:200],
    )
    work.session.add(job)
    await work.session.flush()
    if len(sheet.rows) <= MAX_IMMEDIATE_ROWS:
        prepared = PreparedImport(sheet, await _build_reader(work, job, names), {})
        await _import_next_rows(work, job, prepared, MAX_IMMEDIATE_ROWS)
    return job


async def _stream_content(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _serialize_actor(actor: Actor) -> dict[str, Any]:
    return {
        "id": actor.id,
        "name": actor.name,
        "grants": [[one.role.value, one.region] for one in actor.grants],
        "organisation": actor.organisation,
        "kind": actor.kind,
        "scopes": None if actor.scopes is None else sorted(actor.scopes),
        "on_behalf_of": actor.on_behalf_of,
        "device": actor.device,
    }


def _restore_actor(kept: dict[str, Any]) -> Actor:
    """Who sent the table, with what they were allowed then."""
    grants = tuple(Grant(Role(role), region) for role, region in kept["grants"])
    scopes = None if kept["scopes"] is None else frozenset(May(one) for one in kept["scopes"])
    return Actor(**{**kept, "grants": grants, "scopes": scopes})


async def _build_reader(work: UnitOfWork, job: ImportJob, names: repository.RegionNames) -> RowReader:
    rule = await work.get_rule("import.categories", region=job.region)
    tree = await categories.get_category_tree(work, region=job.region)
    words = [(word, code) for word, code in rule.value]
    return RowReader(job.region, names, tree.items, words, job.year, job.happened_at)


async def _import_next_rows(work: UnitOfWork, job: ImportJob, prepared: PreparedImport, most: int) -> None:
    """The next rows of a job, in the transaction of `work`."""
    batch = prepared.sheet.rows[job.done : job.done + most]
    found = await importer.import_rows(
        work, batch, prepared.reader, prepared.row_numbers, dry_run=job.dry_run
    )
    await repository.system_insert_rows(work, [{"job_id": job.id, **one} for one in found])
    job.done += len(batch)
    job.wrong += sum(one["wrong"] for one in found)
    job.already += sum(one["already"] for one in found)
    job.imported += sum(not one["wrong"] and not one["already"] for one in found)
    if job.done >= job.total:
        job.state, job.finished_at = ImportState.DONE, work.at
    job.version += 1
    job.updated_at = work.at
    work.session.add(job)
    await work.session.flush()


async def run_next_batch(context: ServiceContext) -> bool:
    """One batch of the oldest import; False when there is nothing to do."""
    async with context.database.read() as session:
        waiting = await repository.system_find_next_import(context.unit_of_work(session))
    if waiting is None:
        return False
    try:
        prepared = await _load_prepared(context, waiting)
        await _run_batch(context, waiting.id, prepared)
    except (NotFound, Invalid) as refusal:
        await _mark_failed(context, waiting.id, refusal.detail)
    except ApiError:
        raise
    except Exception:
        await _mark_failed(context, waiting.id, "系统内部错误, 请告知管理员; 再次上传同一文件会接着导入")
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
                context.unit_of_work(session, _restore_actor(job.actor)), job, prepared, BATCH_ROWS
            )


async def _load_prepared(context: ServiceContext, job: ImportJob) -> PreparedImport:
    """The table and its reader; kept in memory until the next job, so that a batch need not read the file again."""
    kept: tuple[UUID, PreparedImport] | None = context.memory.get("import")
    if kept is not None and kept[0] == job.id:
        return kept[1]
    async with context.database.read() as session:
        work = context.unit_of_work(session, _restore_actor(job.actor))
        names = await repository.load_region_names(work, job.region)
        sheet = await _read_sheet(context.storage, job)
        prepared = PreparedImport(sheet, await _build_reader(work, job, names), {})
    context.memory["import"] = (job.id, prepared)
    return prepared


async def _read_sheet(storage: Storage, job: ImportJob) -> Sheet:
    content = b"".join([part async for part in storage.stream(job.sha256)])
    return await asyncio.to_thread(read_sheet, content, IMPORT_COLUMNS)


async def _mark_failed(context: ServiceContext, job_id: UUID, message: str) -> None:
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        job = await repository.system_lock_import(work, job_id)
        if job is not None:
            job.state, job.message, job.finished_at = ImportState.FAILED, message[:500], work.at
            job.version += 1
            work.session.add(job)


def build_import_read(
    job: ImportJob, faults: Sequence[RowFault] = (), project_ids: Sequence[UUID] = ()
) -> ImportRead:
    """An import as it is shown, with these of its faults."""
    at = f"/api/v1/projects/imports/{job.id}"
    return ImportRead(
        **{name: getattr(job, name) for name in ImportRead.model_fields if hasattr(job, name)},
        state_label=job.state.label,
        rows=job.total,
        faults=list(faults),
        project_ids=list(project_ids),
        address=at,
        rows_address=f"{at}/rows",
        workbook=f"{at}/workbook",
    )


async def get_import_detail(work: UnitOfWork, job: ImportJob) -> ImportRead:
    """The same, with the first of them and, of a short table, its projects."""
    faults = [
        RowFault(row=row.number, column=one["column"], message=one["message"])
        for row in await repository.list_wrong_rows(work, job.id, repository.MAX_SHOWN_FAULTS)
        for one in row.faults
    ]
    projects = await repository.list_project_ids(work, job.id) if job.total <= MAX_IMMEDIATE_ROWS else []
    return build_import_read(job, faults[: repository.MAX_SHOWN_FAULTS], projects)


async def build_workbook(work: UnitOfWork, job: ImportJob, *, only_wrong: bool) -> bytes:
    """The uploaded rows again, wrong cells marked, each row's faults beside it."""
    faults = {row.number: row.faults for row in await repository.list_wrong_rows(work, job.id)}
    try:
        sheet = await _read_sheet(work.context.storage, job)
    except NotFound as error:
        raise Conflict("原表的文件已不在, 请重新上传", "The uploaded file is gone") from error
    for row in sheet.rows:
        row.errors = [
            CellError(row.number, one["column"], one["message"], f"/rows/{row.number}/{one['key']}")
            for one in faults.get(row.number, ())
        ]
    return await asyncio.to_thread(annotate_sheet, sheet, only_wrong=only_wrong)
