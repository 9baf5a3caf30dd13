"""Taking a table in: a short one at once, a long one in the background, batch by batch, so that it can be watched.

Each batch is one transaction that holds the drafts, what became of the rows, and how far the import got: whatever
stops the process, the next one goes on after the last whole batch, and no row is worked off twice.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.projects.categories import service as categories
from services.projects.exchange import regions
from services.projects.exchange.layout import COLUMNS
from services.projects.imports import repository, rows
from services.projects.imports.kinds import ImportState
from services.projects.imports.models import ImportJob
from services.projects.imports.reading import Reader
from services.projects.imports.schemas import ImportRead, RowFault
from shared.access import Actor, Grant
from shared.errors import Conflict, Fault, Invalid, NotFound, Refusal
from shared.ids import new_id
from shared.permissions import May, Role
from shared.sheets.forms import annotated
from shared.sheets.reading import CellFault, Sheet, read
from shared.storage import Storage
from shared.work import Context, Work

AT_ONCE = 200
"""Rows of a table that is worked off before the answer leaves."""
BATCH = 50
LARGE = 20 * 1024 * 1024


@dataclass(frozen=True)
class Asked:
    """What is to be imported, and how."""

    content: bytes
    region: str
    year: int | None = None
    happened_at: datetime | None = None
    name: str = ""
    dry_run: bool = False


@dataclass
class Prepared:
    """A table and what its rows are understood with; `seen` fills as rows are worked off."""

    sheet: Sheet
    reader: Reader
    seen: dict[UUID, int]


async def begin(work: Work, asked: Asked) -> ImportJob:
    """Keep the table and begin: finished when it is short, running otherwise. Invalid when it is no table of ours."""
    work.actor.require(May.PROJECT_DECLARE, asked.region)
    if asked.happened_at is not None and asked.happened_at > work.at:
        detail = "提出时间不能晚于现在"
        raise Invalid(detail, faults=[Fault("in_the_future", detail, "in the future", "/happened_at")])
    names = await regions.names(work, asked.region)
    sheet = await asyncio.to_thread(read, asked.content, COLUMNS)
    stored = await work.context.storage.put(_chunks(asked.content), limit=LARGE)
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
        actor=_kept(work.actor),
        state=ImportState.RUNNING,
        total=len(sheet.rows),
        ignored=sheet.ignored[:200],
    )
    work.session.add(job)
    await work.session.flush()
    if len(sheet.rows) <= AT_ONCE:
        prepared = Prepared(sheet, await _reader(work, job, names), {})
        await _work_off(work, job, prepared, AT_ONCE)
    return job


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _kept(actor: Actor) -> dict[str, Any]:
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


def _actor(kept: dict[str, Any]) -> Actor:
    """Who sent the table, with what they were allowed then."""
    grants = tuple(Grant(Role(role), region) for role, region in kept["grants"])
    scopes = None if kept["scopes"] is None else frozenset(May(one) for one in kept["scopes"])
    return Actor(**{**kept, "grants": grants, "scopes": scopes})


async def _reader(work: Work, job: ImportJob, names: regions.Names) -> Reader:
    rule = await work.rule("import.categories", region=job.region)
    tree = await categories.tree(work, region=job.region)
    words = [(word, code) for word, code in rule.value]
    return Reader(job.region, names, tree.items, words, job.year, job.happened_at)


async def _work_off(work: Work, job: ImportJob, prepared: Prepared, most: int) -> None:
    """The next rows of a job, in the transaction of `work`."""
    batch = prepared.sheet.rows[job.done : job.done + most]
    found = await rows.take(work, batch, prepared.reader, prepared.seen, dry_run=job.dry_run)
    await repository.system_add(work, [{"job_id": job.id, **one} for one in found])
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


async def advance(context: Context) -> bool:
    """One batch of the oldest import; False when there is nothing to do."""
    async with context.database.read() as session:
        waiting = await repository.system_next(context.work(session))
    if waiting is None:
        return False
    try:
        prepared = await _prepared(context, waiting)
        await _batch(context, waiting.id, prepared)
    except (NotFound, Invalid) as refusal:
        await _fail(context, waiting.id, refusal.detail)
    except Refusal:
        raise
    except Exception:
        await _fail(context, waiting.id, "系统内部错误, 请告知管理员; 再次上传同一文件会接着导入")
        raise
    return True


async def _batch(context: Context, job_id: UUID, prepared: Prepared) -> None:
    async with context.database.write() as session:
        job = await repository.system_take(context.work(session), job_id)
        if job is not None:
            prepared.seen |= await repository.system_seen(context.work(session), job_id)
            await _work_off(context.work(session, _actor(job.actor)), job, prepared, BATCH)


async def _prepared(context: Context, job: ImportJob) -> Prepared:
    """The table and its reader; kept in memory until the next job, so that a batch need not read the file again."""
    kept: tuple[UUID, Prepared] | None = context.kept.get("import")
    if kept is not None and kept[0] == job.id:
        return kept[1]
    async with context.database.read() as session:
        work = context.work(session, _actor(job.actor))
        names = await regions.names(work, job.region)
        sheet = await _sheet(context.storage, job)
        prepared = Prepared(sheet, await _reader(work, job, names), {})
    context.kept["import"] = (job.id, prepared)
    return prepared


async def _sheet(storage: Storage, job: ImportJob) -> Sheet:
    content = b"".join([part async for part in storage.stream(job.sha256)])
    return await asyncio.to_thread(read, content, COLUMNS)


async def _fail(context: Context, job_id: UUID, message: str) -> None:
    async with context.database.write() as session:
        work = context.work(session)
        job = await repository.system_take(work, job_id)
        if job is not None:
            job.state, job.message, job.finished_at = ImportState.FAILED, message[:500], work.at
            job.version += 1
            work.session.add(job)


def brief(job: ImportJob, faults: Sequence[RowFault] = (), project_ids: Sequence[UUID] = ()) -> ImportRead:
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


async def shown(work: Work, job: ImportJob) -> ImportRead:
    """The same, with the first of them and, of a short table, its projects."""
    faults = [
        RowFault(row=row.number, column=one["column"], message=one["message"])
        for row in await repository.wrong_rows(work, job.id, repository.FAULTS)
        for one in row.faults
    ]
    projects = await repository.project_ids(work, job.id) if job.total <= AT_ONCE else []
    return brief(job, faults[: repository.FAULTS], projects)


async def workbook(work: Work, job: ImportJob, *, only_wrong: bool) -> bytes:
    """The uploaded rows again, wrong cells marked, each row's faults beside it."""
    faults = {row.number: row.faults for row in await repository.wrong_rows(work, job.id)}
    try:
        sheet = await _sheet(work.context.storage, job)
    except NotFound as error:
        raise Conflict("原表的文件已不在, 请重新上传", "The uploaded file is gone") from error
    for row in sheet.rows:
        row.faults = [
            CellFault(row.number, one["column"], one["message"], f"/rows/{row.number}/{one['key']}")
            for one in faults.get(row.number, ())
        ]
    return await asyncio.to_thread(annotated, sheet, only_wrong=only_wrong)
