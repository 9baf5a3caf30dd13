"""`/{service}/log/fsck`: an auditor has the books compared with the log, and reads the result when it is there."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import May
from shared.china import LabelledEnum
from shared.db import execute_core, fsck_run, new_id
from shared.errors import NotFound
from shared.events.fsck import Fsck, FsckReport, check_service
from shared.http import ReadWork, Route, WriteWork, requires
from shared.unit_of_work import ServiceContext

SILENCE = timedelta(minutes=10)
"""A run that has given no sign of life for so long ended with its process."""
REPORT_INTERVAL_ROWS = 20_000
log = structlog.get_logger("fsck")


class FsckState(LabelledEnum):
    """核对进度."""

    WAITING = "waiting", "等待核对"
    RUNNING = "running", "核对中"
    FINISHED = "finished", "已完成"
    FAILED = "failed", "未能完成"


class FsckRun(BaseModel):
    """一次账实核对: its progress, and its result when it is finished."""

    id: UUID
    state: FsckState
    label: str
    started_by: str
    started_at: datetime
    rows: int = Field(description="rows compared so far")
    failure: str = ""
    report: FsckReport | None = None


def _build_run(row: sa.Row[Any]) -> FsckRun:
    state = FsckState.WAITING if row.heard_at == row.started_at else FsckState.RUNNING
    if row.failure:
        state = FsckState.FAILED
    elif row.report is not None:
        state = FsckState.FINISHED
    return FsckRun(
        id=row.id,
        state=state,
        label=state.label,
        started_by=row.started_by,
        started_at=row.started_at,
        rows=row.rows,
        failure=row.failure,
        report=None if row.report is None else FsckReport.model_validate(row.report),
    )


async def _find_newest(session: AsyncSession) -> sa.Row[Any] | None:
    query = sa.select(fsck_run).order_by(fsck_run.c.started_at.desc(), fsck_run.c.id.desc()).limit(1)
    return (await execute_core(session, query)).first()


def _is_open(row: sa.Row[Any]) -> bool:
    return row.report is None and not row.failure


async def _update_run(context: ServiceContext, run_id: UUID, **values: Any) -> None:  # noqa: ANN401 - the table's columns
    async with context.database.write() as session:
        statement = fsck_run.update().where(fsck_run.c.id == run_id)
        await execute_core(session, statement.values(heard_at=context.clock(), **values))


async def run_waiting_fsck(context: ServiceContext, fsck: Fsck) -> bool:
    """Background task: take the run that waits, or whose process ended, compare and store progress and result."""
    async with context.database.read() as session:
        row = await _find_newest(session)
    at = context.clock()
    if row is None or not _is_open(row) or row.started_at != row.heard_at >= at - SILENCE:
        return False
    async with context.database.write() as session:
        mine = sa.and_(fsck_run.c.id == row.id, fsck_run.c.heard_at == row.heard_at)
        taken = fsck_run.update().where(mine).values(heard_at=at + timedelta(microseconds=1), rows=0)
        if not (await execute_core(session, taken)).rowcount:
            return False

    async def report_progress(rows: int) -> None:
        if rows % REPORT_INTERVAL_ROWS == 0:
            await _update_run(context, row.id, rows=rows)

    try:
        report = await check_service(context.name, context.database, fsck, report_progress)
    except Exception as error:
        # Whatever the database holds may break a comparison; the auditor is told, and the log has the trace.
        log.exception("fsck", service=context.name)
        await _update_run(context, row.id, failure=f"核对出错: {type(error).__name__}")
        return True
    await _update_run(context, row.id, rows=report.rows, report=report.model_dump(mode="json"))
    return True


def fsck_router(service: str) -> APIRouter:
    """Routes of fsck for one service."""
    router = APIRouter(prefix=f"/{service}/log/fsck", tags=["审计"], route_class=Route)

    @router.post("", status_code=202, response_model=FsckRun, **requires(May.LOG_VERIFY, refuses=(NotFound,)))
    async def start_fsck(work: WriteWork) -> Any:  # noqa: ANN401 - shaped by response_model
        """开始账实核对: 由日志推出账目和记录, 与各表比较. 已在核对的, 返回进行中的那一次."""
        work.actor.require(May.LOG_VERIFY, work.context.settings.district)
        newest = await _find_newest(work.session)
        if newest is not None and _is_open(newest):
            return _build_run(newest)
        run = {"id": new_id(), "started_by": work.actor.id, "started_at": work.at, "heard_at": work.at}
        insert = fsck_run.insert().values(run).returning(*fsck_run.c)
        return _build_run((await execute_core(work.session, insert)).one())

    @router.get("", response_model=FsckRun, **requires(May.LOG_VERIFY, refuses=(NotFound,)))
    async def read_fsck(work: ReadWork) -> Any:  # noqa: ANN401 - shaped by response_model
        """最近一次账实核对的进度和结果: 不符之处逐条说明."""
        work.actor.require(May.LOG_VERIFY, work.context.settings.district)
        newest = await _find_newest(work.session)
        if newest is None:
            raise NotFound("还没有做过账实核对", "No check was made yet")
        return _build_run(newest)

    return router
