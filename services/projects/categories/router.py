"""`/projects/categories`: the tree to choose from."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from services.projects.categories import service
from services.projects.categories.schemas import CategoryTree
from shared.http import Reading, Route, allows
from shared.permissions import May

router = APIRouter(prefix="/projects/categories", tags=["项目类型"], route_class=Route)


@router.get("", response_model=CategoryTree, **allows(May.PROJECT_READ))
async def list_categories(
    work: Reading,
    on: Annotated[date | None, Query(description="空为今天")] = None,
    region: Annotated[str | None, Query(pattern="^[0-9]{12}$")] = None,
) -> CategoryTree:
    """项目类型, 含是否默认计入产业."""
    return await service.tree(work, on=on, region=region)
