"""`/projects/batch` and `/projects/roll-over`."""

from fastapi import APIRouter

from services.projects.batches import service
from services.projects.batches.schemas import BatchRead, BatchWrite, RollOver
from services.projects.library.lifecycle import PROJECT
from shared.http import Route, Writing, allows
from shared.permissions import May

router = APIRouter(prefix="/projects", tags=["批量办理"], route_class=Route)


@router.post("/batch", response_model=BatchRead, **allows(*PROJECT.mays()))
async def act_on_many(work: Writing, body: BatchWrite, dry_run: bool = False) -> BatchRead:
    """批量办理: 一份文件办多个项目, 逐个给出结果."""
    return await service.move(work, body, dry_run=dry_run)


@router.post("/roll-over", response_model=BatchRead, **allows(May.PROJECT_PLAN))
async def roll_projects_over(work: Writing, body: RollOver, dry_run: bool = False) -> BatchRead:
    """在库未安排的项目滚动纳入下一年度."""
    return await service.roll_over(work, body, dry_run=dry_run)
