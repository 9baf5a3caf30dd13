"""`/regions`: browse, search and import the region tree."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query

from services.identity.regions import repository, service
from services.identity.regions.models import Region, RegionSuccession
from services.identity.regions.schemas import (
    RegionDetail,
    RegionImportResult,
    RegionLevel,
    RegionPage,
    RegionRead,
    SuccessionCreate,
    SuccessionRead,
)
from shared.auth import May
from shared.china import OptionalRegionCode, RegionCode
from shared.errors import Conflict, Invalid, NotFound
from shared.http import (
    Page,
    PageAnswer,
    Pagination,
    PublicReadWork,
    ReadWork,
    Route,
    WriteWork,
    allows_anonymous,
    requires,
)
from shared.records import RecordKind

MAX_IMPORT_BYTES = 16 * 1024 * 1024
router = APIRouter(prefix="/regions", tags=["区划"], route_class=Route)


@router.get("", response_model=RegionPage, **requires(May.REGION_READ))
async def list_regions(
    work: ReadWork,
    parent: OptionalRegionCode = "",
    level: RegionLevel | None = None,
    q: Annotated[str, Query(max_length=40, description="名称、拼音或首字母")] = "",
    cursor: OptionalRegionCode = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RegionPage:
    """区划列表, 按代码排序."""
    rows = await repository.list_regions(
        work, parent=parent, level=level or "", q=q, after=cursor, limit=limit + 1
    )
    items = [RegionRead.model_validate(row) for row in rows[:limit]]
    return RegionPage(items=items, next_cursor=items[-1].code if len(rows) > limit else None)


@router.get("/public", response_model=RegionPage, **allows_anonymous())
async def list_public_regions(
    work: PublicReadWork,
    parent: OptionalRegionCode = "",
    q: Annotated[str, Query(max_length=40, description="名称、拼音或首字母")] = "",
    codes: Annotated[str, Query(max_length=1400, description="代码, 用逗号隔开")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> RegionPage:
    """区划代码和名称, 不需要登录: 公示栏用."""
    rows: Sequence[Region]
    if codes:
        rows = list((await repository.find_regions(work, codes.split(",")[:100])).values())
    else:
        rows = await repository.list_regions(work, parent=parent, level="", q=q, after="", limit=limit)
    return RegionPage(items=[RegionRead.model_validate(row) for row in rows])


@router.post(
    "/successions",
    status_code=201,
    response_model=list[SuccessionRead],
    **requires(May.REGION_MANAGE, refuses=(Invalid, NotFound, Conflict), statements=120),
)
async def record_succession(work: WriteWork, body: SuccessionCreate) -> list[RegionSuccession]:
    """登记并村、更名: 导入认旧名, 旧区划的记录归新区划的人看."""
    return await service.record_succession(work, body)


@router.get("/successions", response_model=Page[SuccessionRead], **requires(May.REGION_READ))
async def list_successions(work: ReadWork, params: Pagination, region: OptionalRegionCode = "") -> PageAnswer:
    """区划沿革, 新的在前."""
    return await repository.list_successions(work, params, region)


@router.get(
    "/successions/{succession_id}",
    response_model=SuccessionRead,
    **requires(May.REGION_READ, refuses=(NotFound,)),
)
async def read_succession(work: ReadWork, succession_id: UUID) -> RegionSuccession:
    """一次区划变动."""
    return await repository.get_succession(work, succession_id)


@router.get("/{code}", response_model=RegionDetail, **requires(May.REGION_READ, refuses=(NotFound,)))
async def read_region(work: ReadWork, code: RegionCode) -> RegionDetail:
    """一个区划及其上级."""
    region = RegionRead.model_validate(await repository.get_region(work, code))
    ancestors = [RegionRead.model_validate(row) for row in await repository.list_ancestors(work, code)]
    return RegionDetail(**region.model_dump(), ancestors=ancestors)


@router.post(
    "/imports",
    response_model=RegionImportResult,
    **requires(May.REGION_MANAGE, refuses=(Invalid, NotFound), body=MAX_IMPORT_BYTES),
)
async def import_regions(work: WriteWork, body: Annotated[bytes, Body(media_type="text/csv")]) -> Any:  # noqa: ANN401 - shaped by response_model
    """导入区划文件(CSV: code,name,parent_code,level,kind), 可重复导入."""
    return await service.import_upload(work, body)


REGION_KIND = RecordKind(
    name="region",
    label="行政区划",
    path="/regions",
    model=Region,
    read=RegionRead,
    may=May.REGION_READ,
    key="code",
    title="name",
    columns=("code", "name", "level", "kind", "parent_code"),
    filters=("parent", "level", "q"),
    search=("name", "pinyin", "initials"),
    parents={"parent_code": "region"},
    region="code",
    visible=repository.is_of_own_districts,
    phone=True,
)
SUCCESSION_KIND = RecordKind(
    name="region_succession",
    label="区划变动",
    path="/regions/successions",
    model=RegionSuccession,
    read=SuccessionRead,
    may=May.REGION_READ,
    title="former_name",
    columns=("kind", "former_name", "name", "region", "effective_on", "basis"),
    filters=("region",),
    topics=("region.succeeded",),
)
