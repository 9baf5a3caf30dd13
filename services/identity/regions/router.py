"""`/regions`: the tree, to browse and to search."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query

from services.identity.regions import repository, service
from services.identity.regions.schemas import ImportResult, Level, RegionDetail, RegionPage, RegionRead
from shared.errors import Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.permissions import May

FILE = 16 * 1024 * 1024
router = APIRouter(prefix="/regions", tags=["区划"], route_class=Route)


@router.get("", response_model=RegionPage, **allows(May.REGION_READ))
async def list_regions(
    work: Reading,
    parent: Annotated[str, Query(pattern="^([0-9]{12})?$")] = "",
    level: Level | None = None,
    q: Annotated[str, Query(max_length=40, description="名称、拼音或首字母")] = "",
    cursor: Annotated[str, Query(pattern="^([0-9]{12})?$")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RegionPage:
    """区划列表, 按代码排序."""
    rows = await repository.search(work, parent=parent, level=level or "", q=q, after=cursor, limit=limit + 1)
    items = [RegionRead.model_validate(row) for row in rows[:limit]]
    return RegionPage(items=items, next_cursor=items[-1].code if len(rows) > limit else None)


@router.get("/{code}", response_model=RegionDetail, **allows(May.REGION_READ, refuses=(NotFound,)))
async def read_region(work: Reading, code: Annotated[str, Path(pattern="^[0-9]{12}$")]) -> RegionDetail:
    """一个区划及其上级."""
    region = RegionRead.model_validate(await repository.get(work, code))
    above = [RegionRead.model_validate(one) for one in await repository.ancestors(work, code)]
    return RegionDetail(**region.model_dump(), ancestors=above)


@router.post(
    "/imports",
    response_model=ImportResult,
    **allows(May.REGION_MANAGE, refuses=(Invalid, NotFound), body=FILE),
)
async def import_regions(work: Writing, body: Annotated[bytes, Body(media_type="text/csv")]) -> Any:  # noqa: ANN401 - shaped by response_model
    """导入区划文件(CSV: code,name,parent_code,level,kind), 可重复导入."""
    return await service.bring(work, body)
