"""Routes of the register: assets, ledger import, map."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Response

from services.assets.register import importer, repository, service
from services.assets.register.importer import LedgerRequest
from services.assets.register.lifecycle import ASSET, USE, AssetAction, AssetState, UseAction, UseState
from services.assets.register.models import Asset
from services.assets.register.repository import AssetFilter
from services.assets.register.schemas import (
    SUBCLASS_CODES,
    AssetChange,
    AssetClass,
    AssetCreate,
    AssetDetail,
    AssetRead,
    AssetTransitionRequest,
    CodeSets,
    MapBounds,
    MapFeature,
    MapFeatureCollection,
    OwnerKind,
    RegisterImportResult,
)
from shared.auth import May
from shared.china import Datum, OptionalRegionCode, RegionCode, format_yuan, from_wgs84
from shared.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionMissing,
    VersionRequired,
)
from shared.events import Envelope, list_history
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview
from shared.notices.router import record_notice_router
from shared.notices.service import NoticeSubject
from shared.records import Act, Part, RecordKind, Shortcut, Todo, turn
from shared.spreadsheets import XLSX_MEDIA_TYPE
from shared.unit_of_work import UnitOfWork

router = APIRouter(prefix="/assets", tags=["资产登记"], route_class=Route)


async def _asset_filter(
    region: RegionCode | None = None,
    asset_class: AssetClass | None = None,
    subclass: Annotated[str | None, Query(max_length=40, json_schema_extra=SUBCLASS_CODES)] = None,
    owner_kind: OwnerKind | None = None,
    state: AssetState | None = None,
    use: UseState | None = None,
    year: Annotated[int | None, Query(ge=0, le=2100, description="形成年度")] = None,
    project_id: UUID | None = None,
    code: Annotated[str | None, Query(max_length=40, description="资产编号")] = None,
    counted: Annotated[
        bool, Query(description="只看在册的: 已登记、已确权、移交中、已移交, 没有处置")
    ] = False,
    q: Annotated[str, Query(max_length=100, description="名称、编号、所有权人、项目、坐落; 拼音亦可")] = "",
) -> AssetFilter:
    return AssetFilter(
        region, asset_class, subclass, owner_kind, state, use, year, project_id, code, counted, q
    )


@router.get("", response_model=Page[AssetRead], **requires(May.ASSET_READ))
async def list_assets(
    work: ReadWork,
    page_params: Pagination,
    filters: Annotated[AssetFilter, Depends(_asset_filter, scope="function")],
) -> PageAnswer:
    """资产列表."""
    return await repository.list_assets(work, page_params, filters)


@router.post(
    "",
    status_code=201,
    response_model=AssetRead,
    **requires(May.ASSET_REGISTER, refuses=(Invalid, Conflict, NotFound)),
)
async def enter_asset(work: WriteWork, body: AssetCreate) -> Asset:
    """补登资产草稿."""
    return await service.create_asset(work, body)


@router.get("/codes", response_model=CodeSets, **requires(May.ASSET_READ))
async def read_codes(work: ReadWork) -> CodeSets:
    """代码表."""
    return await service.list_codes(work)


@router.get("/{asset_id}", response_model=AssetDetail, **requires(May.ASSET_READ, refuses=(NotFound,)))
async def read_asset(work: ReadWork, asset_id: UUID) -> AssetDetail:
    """资产, 使用状态的变更和可办事项."""
    return await service.get_asset_detail(work, *await repository.get_asset_with_records(work, asset_id))


@router.patch(
    "/{asset_id}",
    response_model=AssetRead,
    **requires(
        May.ASSET_REGISTER, refuses=(NotFound, Conflict, Invalid, PreconditionFailed, VersionRequired)
    ),
)
async def change_asset(work: WriteWork, asset_id: UUID, body: AssetChange, match: IfMatch) -> Asset:
    """修改资产信息."""
    return await service.update_asset(
        work, await repository.get_asset(work, asset_id, lock=True), body, match
    )


@router.get(
    "/{asset_id}/history", response_model=list[Envelope], **requires(May.ASSET_READ, refuses=(NotFound,))
)
async def read_history(work: ReadWork, asset_id: UUID) -> list[Envelope]:
    """资产的全部变动, 从早到晚."""
    asset = await repository.get_asset(work, asset_id)
    return await list_history(work.session, work.context.name, str(asset.id))


async def _load_notice_subject(work: UnitOfWork, record_id: UUID, /, *, lock: bool) -> NoticeSubject:
    asset = await repository.get_asset(work, record_id, lock=lock)
    return service.build_notice_subject(asset)


notice_router = record_notice_router(
    "/assets", load=_load_notice_subject, read=May.ASSET_READ, post=May.ASSET_NOTICE
)

transition_router = APIRouter(prefix="/assets", tags=["资产登记"], route_class=Route)


@transition_router.post(
    "/{asset_id}/{action}",
    response_model=AssetDetail | TransitionPreview,
    description=f"```mermaid\n{ASSET.to_mermaid()}\n```\n\n```mermaid\n{USE.to_mermaid()}\n```",
    **requires(
        *ASSET.permissions(),
        *USE.permissions(),
        refuses=(NotFound, Conflict, PreconditionMissing, Invalid, PreconditionFailed, Forbidden, BadRequest),
    ),
)
async def act_on_asset(
    work: WriteWork,
    asset_id: UUID,
    action: AssetAction | UseAction,
    body: AssetTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> AssetDetail | TransitionPreview:
    """办理资产: 登记、确权、移交、接收; 使用状态变更."""
    asset = await repository.get_asset(work, asset_id, lock=True)
    if isinstance(action, AssetAction):
        preview = await service.transition_asset(work, asset, action, body, match=match, dry_run=dry_run)
    else:
        preview = await service.transition_use(work, asset, action, body, match=match, dry_run=dry_run)
    if preview is not None:
        return preview
    await work.session.flush()
    return await service.get_asset_detail(work, asset, await repository.list_records(work, asset.id))


MAX_FILE_BYTES = 16 * 1024 * 1024
LedgerBody = Annotated[
    bytes, Body(media_type="application/octet-stream", description="XLSX, XLS 或 CSV 文件内容")
]
LedgerRegion = Annotated[OptionalRegionCode, Query(description="台账属于哪个县(区); 空为本人所在的县")]
LedgerMapping = Annotated[
    str,
    Query(max_length=8000, description='列的对应关系, JSON: {"表中的标题": "栏目"}; 栏目见答复的 mapping'),
]
import_router = APIRouter(prefix="/assets/imports", tags=["台账导入"], route_class=Route)


@import_router.get("/template", response_class=Response, response_model=None, **requires(May.ASSET_REGISTER))
async def read_template() -> Response:
    """空白台账(XLSX)."""
    return Response(
        importer.build_template(),
        media_type=XLSX_MEDIA_TYPE,
        headers={"Content-Disposition": "attachment; filename=assets.xlsx"},
    )


@import_router.post(
    "",
    response_model=RegisterImportResult,
    **requires(May.ASSET_REGISTER, refuses=(Invalid, Conflict, NotFound), body=MAX_FILE_BYTES),
)
async def import_ledger(
    work: WriteWork,
    body: LedgerBody = b"",
    region: LedgerRegion = "",
    mapping: LedgerMapping = "",
    register: bool = False,
    dry_run: bool = False,
    partial: Annotated[bool, Query(description="有问题的行留下, 其余照常导入")] = False,
) -> Any:  # noqa: ANN401 - shaped by response_model
    """导入台账(XLSX、XLS 或 CSV). `dry_run` 只检查; `register` 同时登记并编号; 有任何错误则一行也不导入, 除非 `partial`."""
    request = LedgerRequest(body, region, register, dry_run, partial, mapping)
    return await importer.import_ledger(work, request)


@import_router.post(
    "/check",
    response_class=Response,
    response_model=None,
    **requires(May.ASSET_REGISTER, refuses=(Invalid, Conflict, NotFound), body=MAX_FILE_BYTES),
)
async def check_ledger(
    work: WriteWork,
    body: LedgerBody = b"",
    region: LedgerRegion = "",
    mapping: LedgerMapping = "",
    register: bool = False,
) -> Response:
    """检查台账, 返回原表, 错误的单元格标红并加批注; 什么也不导入."""
    content = await importer.annotate_ledger(
        work, LedgerRequest(body, region, register, dry_run=True, mapping=mapping)
    )
    return Response(
        content,
        media_type=XLSX_MEDIA_TYPE,
        headers={"Content-Disposition": "attachment; filename=checked.xlsx"},
    )


map_router = APIRouter(prefix="/assets", tags=["资产地图"], route_class=Route)
Longitude = Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False)]


@map_router.get(
    "/map", response_model=MapFeatureCollection, **requires(May.ASSET_READ, refuses=(BadRequest,))
)
async def read_map(
    work: ReadWork,
    west: Longitude,
    south: Latitude,
    east: Longitude,
    north: Latitude,
    asset_class: AssetClass | None = None,
    use: UseState | None = None,
    state: AssetState | None = None,
    datum: Annotated[Datum, Query(description="以哪种坐标系返回, 供高德、腾讯、百度底图使用")] = Datum.WGS84,
    limit: Annotated[int, Query(ge=1, le=2000)] = 500,
) -> MapFeatureCollection:
    """范围内的资产(GeoJSON)."""
    if west > east or south > north:
        raise BadRequest("地图范围的西、南须小于东、北", "west, south must not exceed east, north")
    rows = await repository.list_assets_in_box(
        work, (west, south, east, north), limit + 1, asset_class=asset_class, use=use, state=state
    )
    return MapFeatureCollection.model_construct(
        datum=datum, more=len(rows) > limit, features=[_build_feature(row, datum) for row in rows[:limit]]
    )


@map_router.get("/map/bounds", response_model=MapBounds, **requires(May.ASSET_READ))
async def read_bounds(work: ReadWork, region: RegionCode) -> MapBounds:
    """一个地区全部资产的范围, 供地图初始定位."""
    west, south, east, north = await repository.find_bounds(work, region) or (None, None, None, None)
    return MapBounds(west=west, south=south, east=east, north=north)


def _build_feature(row: Any, datum: Datum) -> MapFeature:  # noqa: ANN401 - a row
    outline = row.outline
    geometry: dict[str, Any]
    if outline and outline["kind"] == "polygon":
        rings = [[list(from_wgs84(x, y, datum)) for x, y in ring] for ring in outline["coordinates"]]
        geometry = {"type": "Polygon", "coordinates": rings}
    else:
        geometry = {"type": "Point", "coordinates": list(from_wgs84(row.lon, row.lat, datum))}
    properties = {
        "code": row.code,
        "name": row.name,
        "asset_class": row.asset_class,
        "state": row.state,
        "use": row.use,
        "original_value": format_yuan(row.original_value),
        "radius_m": outline["radius_m"] if outline and outline["kind"] == "circle" else None,
    }
    return MapFeature.model_construct(type="Feature", id=row.id, geometry=geometry, properties=properties)


ASSET_KIND = RecordKind(
    name="asset",
    label="项目资产",
    path="/assets",
    model=Asset,
    read=AssetRead,
    may=May.ASSET_READ,
    title="name",
    columns=("code", "name", "asset_class", "region", "year", "original_value", "owner_name", "state", "use"),
    filters=(
        "region",
        "asset_class",
        "subclass",
        "owner_kind",
        "state",
        "use",
        "year",
        "project_id",
        "code",
        "q",
    ),
    search=("name", "code", "owner_name"),
    parents={"project_id": "project"},
    lifecycle=ASSET,
    acts=(
        Act("发布公示", "/assets/{id}/notices"),
        Act("指定管护人", "/assets/{id}/keepers"),
        Act("拆分", "/assets/{id}/split"),
    ),
    parts=(Part("keepers", "管护人", "/assets/{id}/keepers"),),
    topics=("asset.entered", "asset.changed", "asset.moved", "asset.use_changed"),
    turns=(
        turn(AssetState.DRAFT, AssetAction.REGISTER, "待登记的资产"),
        turn(AssetState.REGISTERED, AssetAction.CONFIRM, "待确权的资产"),
        turn(AssetState.CONFIRMED, AssetAction.HAND_OVER, "待移交的资产"),
        turn(AssetState.OFFERED, AssetAction.RECEIVE, "待接收的资产"),
    ),
    todo=(
        Todo(
            "use.damaged",
            "损毁待修的资产",
            (May.ASSET_KEEP,),
            lambda _work: repository.build_damaged_condition(),
            due="use_deadline",
        ),
    ),
    phone=True,
    shortcuts=(Shortcut(May.ASSET_REGISTER, "登记资产", "/assets"),),
)
