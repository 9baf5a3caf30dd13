"""`/projects/target-templates`: indicators to start from."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.projects.targets import service
from services.projects.targets.schemas import CATEGORY, Template
from shared.http import Reading, Route, allows
from shared.permissions import May

router = APIRouter(prefix="/projects/target-templates", tags=["绩效目标"], route_class=Route)


@router.get("", response_model=Template, **allows(May.PROJECT_READ))
async def read_target_template(
    work: Reading, category: Annotated[str, Query(pattern=f"{CATEGORY}|^$")] = ""
) -> Template:
    """某类项目的绩效目标模板, ★ 为核心指标."""
    return await service.template(work, category)
