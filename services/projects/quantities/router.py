"""Route of `/projects/quantities`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from services.projects.projects.router import ProjectFilterParam
from services.projects.quantities import service
from services.projects.quantities.schemas import QuantitySums
from shared.auth import May
from shared.errors import Invalid
from shared.http import ReadWork, Route, requires

router = APIRouter(prefix="/projects/quantities", tags=["工程量"], route_class=Route)


@router.get("", response_model=QuantitySums, **requires(May.PROJECT_READ, refuses=(Invalid,)))
async def read_quantities(
    work: ReadWork,
    request: Request,
    filters: ProjectFilterParam,
    item: Annotated[str, Query(max_length=100, description="工程量名称含有的字, 如 户厕")] = "",
) -> QuantitySums:
    """工程量合计: 条件与项目列表相同, 按能换算的单位分组, 计划与累计完成."""
    params = [(key, value) for key, value in request.query_params.multi_items() if key != "item"]
    return await service.compute_sums(work, filters, item.strip(), params)
