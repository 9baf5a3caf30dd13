"""`/projects/warnings`: what runs late or silent."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from services.projects.library.schemas import REGION
from services.projects.warnings import service
from services.projects.warnings.schemas import WarningCounts, WarningItem
from shared.errors import BadRequest, NotFound
from shared.http import Reading, Route, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/projects/warnings", tags=["项目预警"], route_class=Route)
Region = Annotated[str | None, Query(pattern=REGION, description="空为本县")]


@router.get("", response_model=WarningCounts, **allows(May.PROJECT_READ))
async def count_warnings(work: Reading, region: Region = None) -> WarningCounts:
    """各条预警规则命中的项目数."""
    return await service.counts(work, region or work.context.settings.district)


@router.get(
    "/{rule}",
    response_model=Page[WarningItem],
    **allows(May.PROJECT_READ, refuses=(NotFound, BadRequest)),
)
async def list_warned_projects(
    work: Reading, asked: Paging, rule: Annotated[str, Path(max_length=40)], region: Region = None
) -> Page[WarningItem]:
    """一条规则预警的项目, 责任角色和处理期限."""
    return await service.listed(work, asked, region or work.context.settings.district, rule)
