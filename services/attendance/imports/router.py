"""Routes `/attendance/imports`, `/attendance/external-accounts`, `/attendance/channels` and the DingTalk format."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from services.attendance import repository as records
from services.attendance.fields import RegionQuery, require_span_limit
from services.attendance.imports import exporter, importer, repository, service
from services.attendance.imports.models import ExternalAccount, ImportRun, PullChannel
from services.attendance.imports.schemas import (
    Channel,
    ChannelChange,
    ChannelCreate,
    ChannelRead,
    DingTalkAnswer,
    ExternalCreate,
    ExternalRead,
    ImportFile,
    ImportPull,
    ListAsk,
    PullNow,
    RecordAsk,
    RunRead,
)
from shared.auth import May
from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Unauthenticated,
    VersionRequired,
)
from shared.http import IfMatch, Page, Pagination, ReadWork, Route, WriteWork, requires, to_field_errors
from shared.records import RecordKind

MAX_FILE_BYTES = 8 * 1024 * 1024
"""Body limit in bytes of a file of records."""
router = APIRouter(prefix="/attendance", tags=["考勤导入"], route_class=Route)


@router.post(
    "/imports",
    status_code=201,
    response_model=RunRead,
    **requires(May.PRESENCE_IMPORT, refuses=(NotFound, Conflict, Invalid), body=MAX_FILE_BYTES),
)
async def import_file(work: WriteWork, body: ImportFile) -> ImportRun:
    """导入文件: 钉钉或企业微信接口答复中的记录; 重复导入不重复记录."""
    await service.require_imports_enabled(work, body.region)
    return await service.import_records(work, body.channel, body.region, body.records)


@router.post(
    "/imports/pull",
    status_code=201,
    response_model=RunRead,
    **requires(May.PRESENCE_IMPORT, refuses=(NotFound, Conflict, Invalid)),
)
async def import_from(work: WriteWork, body: ImportPull) -> ImportRun:
    """经接口导入: 按对方的人数、天数、页数限制分次取回."""
    require_span_limit(body.first, body.last, "/last")
    async with work.context.database.read() as session:
        read_work = work.context.unit_of_work(session, work.actor)
        await service.require_imports_enabled(read_work, body.region)
        external_ids = await repository.list_external_ids(read_work, body.channel, body.region)
    # All network calls end before the first statement of this transaction.
    raw_records = await importer.fetch_all_records(work.context.clients, body, external_ids, work.today)
    return await service.import_records(work, body.channel, body.region, raw_records, strict=False)


@router.get("/imports", response_model=Page[RunRead], **requires(May.PRESENCE_READ))
async def list_imports(
    work: ReadWork, page_params: Pagination, region: RegionQuery = "", channel: Channel | None = None
) -> Page[ImportRun]:
    """导入记录."""
    return await records.list_records(
        work,
        page_params,
        ImportRun,
        order="-created_at",
        region=region,
        equal={"channel": channel},
    )


@router.post(
    "/external-accounts",
    status_code=201,
    response_model=ExternalRead,
    **requires(May.PRESENCE_IMPORT, refuses=(NotFound, Conflict, Invalid)),
)
async def match_account(work: WriteWork, body: ExternalCreate) -> ExternalAccount:
    """登记外部账号对应; 此前未对应的记录随即转为打卡."""
    return await service.match_account(work, body)


@router.get("/external-accounts", response_model=Page[ExternalRead], **requires(May.PRESENCE_IMPORT))
async def list_accounts(
    work: ReadWork, page_params: Pagination, region: RegionQuery = "", channel: Channel | None = None
) -> Page[ExternalAccount]:
    """外部账号对应列表."""
    return await records.list_records(
        work,
        page_params,
        ExternalAccount,
        order="-created_at",
        region=region,
        equal={"channel": channel},
        may=May.PRESENCE_IMPORT,
    )


channels_router = APIRouter(prefix="/attendance/channels", tags=["考勤接口"], route_class=Route)


@channels_router.post(
    "",
    status_code=201,
    response_model=ChannelRead,
    **requires(May.PRESENCE_IMPORT, refuses=(NotFound, Conflict, Invalid)),
)
async def add_channel(work: WriteWork, body: ChannelCreate) -> PullChannel:
    """登记考勤接口, 每天定时导入; 密钥加密保存."""
    return await service.create_channel(work, body)


@channels_router.get("", response_model=Page[ChannelRead], **requires(May.PRESENCE_IMPORT))
async def list_channels(
    work: ReadWork, page_params: Pagination, region: RegionQuery = ""
) -> Page[PullChannel]:
    """考勤接口, 进度与最近的错误."""
    return await records.list_records(
        work, page_params, PullChannel, order="-created_at", region=region, may=May.PRESENCE_IMPORT
    )


@channels_router.get(
    "/{channel_id}", response_model=ChannelRead, **requires(May.PRESENCE_IMPORT, refuses=(NotFound,))
)
async def read_channel(work: ReadWork, channel_id: UUID) -> PullChannel:
    """一个考勤接口, 进度与最近的错误."""
    return await service.get_channel(work, channel_id)


@channels_router.patch(
    "/{channel_id}",
    response_model=ChannelRead,
    **requires(May.PRESENCE_IMPORT, refuses=(NotFound, Invalid, PreconditionFailed, VersionRequired)),
)
async def change_channel(
    work: WriteWork, channel_id: UUID, body: ChannelChange, match: IfMatch
) -> PullChannel:
    """修改考勤接口, 更换密钥, 停用."""
    return await service.update_channel(work, channel_id, body, match)


@channels_router.post(
    "/{channel_id}/pull",
    status_code=202,
    response_model=ChannelRead,
    **requires(May.PRESENCE_IMPORT, refuses=(NotFound, Conflict, Invalid, PreconditionFailed)),
)
async def pull_now(work: WriteWork, channel_id: UUID, body: PullNow, match: IfMatch) -> PullChannel:
    """现在导入, 在后台进行; 进度见接口本身."""
    return await service.request_pull(work, channel_id, body, match)


AccessTokenQuery = Annotated[str, Query(max_length=5000, description="令牌, 也可放在 Authorization 头")]


STATUS_OK = 200
DINGTALK_ERRORS = {
    Unauthenticated: {"errcode": 40014, "errmsg": "不合法的access_token"},
    Forbidden: {
        "errcode": 88,
        "sub_code": "60011",
        "sub_msg": "没有调用该接口的权限",
        "errmsg": "ding talk error[subcode=60011,submsg=没有调用该接口的权限]",
    },
}
"""DingTalk's bodies of refusals, which it sends with status 200."""


class QueryTokenRoute(Route):
    """Route that accepts the token as `?access_token=`, as DingTalk's clients send it, and refuses in DingTalk's format."""

    undeclared_parameters = frozenset({"access_token"})

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Returns a handler that moves the token into the Authorization header."""
        call_route = super().get_route_handler()

        async def handle(request: Request) -> Response:
            token = request.query_params.get("access_token")
            if not token or "authorization" in request.headers:
                return await call_route(request)
            bearer = (b"authorization", b"Bearer " + token.encode("ascii", "replace"))
            scope = dict(request.scope) | {"headers": [*request.scope["headers"], bearer]}
            try:
                return await call_route(Request(scope, request.receive))
            except (Unauthenticated, Forbidden) as error:
                return JSONResponse(DINGTALK_ERRORS[type(error)], STATUS_OK)
            except RequestValidationError as error:
                first_error = to_field_errors(error.errors())[0]
                message = f"不合法的参数: {first_error.pointer.strip('/')} {first_error.detail}"
                return JSONResponse(
                    {"errcode": exporter.ERROR_INVALID_PARAMETER, "errmsg": message}, STATUS_OK
                )

        return handle


dingtalk_router = APIRouter(
    prefix="/attendance/dingtalk/attendance", tags=["钉钉格式"], route_class=QueryTokenRoute
)


@dingtalk_router.post(
    "/list",
    response_model=DingTalkAnswer,
    response_model_exclude_none=True,
    **requires(May.PRESENCE_EXCHANGE),
)
async def list_results(work: ReadWork, body: ListAsk, access_token: AccessTokenQuery = "") -> DingTalkAnswer:  # noqa: ARG001 - read by the route
    """获取打卡结果, 字段、枚举与限制同钉钉."""
    return await exporter.list_results(work, body)


@dingtalk_router.post(
    "/listRecord",
    response_model=DingTalkAnswer,
    response_model_exclude_none=True,
    **requires(May.PRESENCE_EXCHANGE),
)
async def list_records(
    work: ReadWork,
    body: RecordAsk,
    access_token: AccessTokenQuery = "",  # noqa: ARG001 - read by the route
) -> DingTalkAnswer:
    """获取打卡详情, 字段、枚举与限制同钉钉; 坐标为 GCJ-02."""
    return await exporter.list_details(work, body)


IMPORT_RUN_KIND = RecordKind(
    name="presence_import",
    label="考勤导入",
    path="/attendance/imports",
    model=ImportRun,
    read=RunRead,
    may=May.PRESENCE_READ,
    title="channel",
    columns=("created_at", "channel", "region", "state", "fresh", "known", "invalid", "unmatched"),
    filters=("region", "channel"),
    topics=("presence_import.finished",),
)
CHANNEL_KIND = RecordKind(
    name="presence_channel",
    label="考勤接口",
    path="/attendance/channels",
    model=PullChannel,
    read=ChannelRead,
    may=May.PRESENCE_IMPORT,
    title="channel",
    columns=("channel", "region", "enabled", "state", "hour", "last_done_at", "last_error"),
    filters=("region",),
    topics=("presence_channel.changed",),
)
EXTERNAL_ACCOUNT_KIND = RecordKind(
    name="external_account",
    label="外部账号对应",
    path="/attendance/external-accounts",
    model=ExternalAccount,
    read=ExternalRead,
    may=May.PRESENCE_IMPORT,
    title="external",
    columns=("channel", "external", "person", "region"),
    filters=("region", "channel"),
    search=("external",),
)
