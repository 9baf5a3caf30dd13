"""Routes of `/projects/categories` and `/projects/target-templates`."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from services.projects.categories import service
from services.projects.categories.schemas import CategoryTree, TargetTemplate
from services.projects.projects.schemas import CATEGORY_PATTERN
from shared.auth import May
from shared.china import RegionCode
from shared.errors import NotFound
from shared.http import ReadWork, Route, requires

router = APIRouter(prefix="/projects/categories", tags=["项目类型"], route_class=Route)


@router.get("", response_model=CategoryTree, **requires(May.PROJECT_READ, refuses=(NotFound,)))
async def list_categories(
    work: ReadWork,
    on: Annotated[date | None, Query(description="空为今天")] = None,
    region: RegionCode | None = None,
) -> CategoryTree:
    """项目类型, 含是否默认计入产业."""
    return await service.get_category_tree(work, on=on, region=region)


template_router = APIRouter(prefix="/projects/target-templates", tags=["绩效目标"], route_class=Route)


@template_router.get("", response_model=TargetTemplate, **requires(May.PROJECT_READ))
async def read_target_template(
    work: ReadWork, category: Annotated[str, Query(pattern=f"{CATEGORY_PATTERN}|^$")] = ""
) -> TargetTemplate:
    """某类项目的绩效目标模板, ★ 为核心指标."""
    return await service.get_target_template(work, category)
