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
    DingTalkToken,
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
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Unauthenticated,
    VersionRequired,
)
from shared.http import (
    IfMatch,
    Page,
    PageAnswer,
    Pagination,
    ReadWork,
    Route,
    WriteWork,
    allows_anonymous,
    client_address,
    get_service_context,
    never_stored,
    requires,
    to_field_errors,
)
from shared.records import RecordKind

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_ROOT_BYTES = 64 * 1024
"""Body limits in bytes: of a file of records, of a request in DingTalk's form."""
router = APIRouter(prefix="/attendance", tags=["考勤导入"], route_class=Route)


@router.post(
    "/imports",
    status_code=201,
    response_model=RunRead,
    **requires(May.PRESENCE_IMPORT, refuses=(NotFound, Conflict, Invalid), body=MAX_FILE_BYTES),
)
async def import_file(work: WriteWork, body: ImportFile) -> ImportRun:
    """导入文件: 钉钉或企业微信接口答复中的记录; 重复导入不重复记录."""
    await service.require_imports_enabled(work, body.region, May.PRESENCE_IMPORT)
    return await service.import_records(work, body.channel, body.region, body.records)


@router.post(
    "/imports/pull",
    status_code=201,
    response_model=RunRead,
    **requires(May.PRESENCE_CHANNEL, refuses=(NotFound, Conflict, Invalid)),
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
) -> PageAnswer:
    """导入记录."""
    return await records.list_records(
        work,
        page_params,
        ImportRun,
        order="-created_at",
        region=region,
        equal={"channel": channel},
        read=RunRead,
    )


@router.post(
    "/external-accounts",
    status_code=201,
    response_model=ExternalRead,
    **requires(May.PRESENCE_CHANNEL, refuses=(NotFound, Conflict, Invalid)),
)
async def match_account(work: WriteWork, body: ExternalCreate) -> ExternalAccount:
    """登记外部账号对应; 此前未对应的记录随即转为打卡."""
    return await service.match_account(work, body)


@router.get("/external-accounts", response_model=Page[ExternalRead], **requires(May.PRESENCE_CHANNEL))
async def list_accounts(
    work: ReadWork, page_params: Pagination, region: RegionQuery = "", channel: Channel | None = None
) -> PageAnswer:
    """外部账号对应列表."""
    return await records.list_records(
        work,
        page_params,
        ExternalAccount,
        order="-created_at",
        region=region,
        equal={"channel": channel},
        may=May.PRESENCE_CHANNEL,
        read=ExternalRead,
    )


channels_router = APIRouter(prefix="/attendance/channels", tags=["考勤接口"], route_class=Route)


@channels_router.post(
    "",
    status_code=201,
    response_model=ChannelRead,
    **requires(May.PRESENCE_CHANNEL, refuses=(NotFound, Conflict, Invalid)),
)
async def add_channel(work: WriteWork, body: ChannelCreate) -> PullChannel:
    """登记考勤接口, 每天定时导入; 密钥加密保存."""
    return await service.create_channel(work, body)


@channels_router.get("", response_model=Page[ChannelRead], **requires(May.PRESENCE_CHANNEL))
async def list_channels(work: ReadWork, page_params: Pagination, region: RegionQuery = "") -> PageAnswer:
    """考勤接口, 进度与最近的错误."""
    return await records.list_records(
        work,
        page_params,
        PullChannel,
        order="-created_at",
        region=region,
        may=May.PRESENCE_CHANNEL,
        read=ChannelRead,
    )


@channels_router.get(
    "/{channel_id}", response_model=ChannelRead, **requires(May.PRESENCE_CHANNEL, refuses=(NotFound,))
)
async def read_channel(work: ReadWork, channel_id: UUID) -> PullChannel:
    """一个考勤接口, 进度与最近的错误."""
    return await service.get_channel(work, channel_id)


@channels_router.patch(
    "/{channel_id}",
    response_model=ChannelRead,
    **requires(May.PRESENCE_CHANNEL, refuses=(NotFound, Invalid, PreconditionFailed, VersionRequired)),
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
    **requires(May.PRESENCE_CHANNEL, refuses=(NotFound, Conflict, Invalid, PreconditionFailed)),
)
async def pull_now(work: WriteWork, channel_id: UUID, body: PullNow, match: IfMatch) -> PullChannel:
    """现在导入, 在后台进行; 进度见接口本身."""
    return await service.request_pull(work, channel_id, body, match)


AccessTokenQuery = Annotated[str, Query(max_length=5000, description="令牌, 也可放在 Authorization 头")]
STATUS_OK = 200
DINGTALK_ERRORS: dict[type[Exception], dict[str, Any]] = {
    Unauthenticated: {"errcode": exporter.ERROR_WRONG_TOKEN, "errmsg": "不合法的access_token"},
    Forbidden: exporter.NO_PERMISSION,
}
"""DingTalk's bodies of refusals, which it sends with status 200."""


class DingTalkRoute(Route):
    """Route whose every refusal is DingTalk's: status 200, errcode, errmsg."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Returns a handler that answers refusals in DingTalk's form."""
        call_route = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if not self.speaks_dingtalk(request):
                return await call_route(request)
            try:
                return await call_route(self.read_token(request))
            except exporter.DingTalkRefusal as refusal:
                return JSONResponse(refusal.content, STATUS_OK)
            except ApiError as error:
                other = {"errcode": exporter.ERROR_FAILED, "errmsg": error.detail}
                return JSONResponse(DINGTALK_ERRORS.get(type(error), other), STATUS_OK)
            except RequestValidationError as error:
                first_error = to_field_errors(error.errors())[0]
                message = f"不合法的参数: {first_error.pointer.strip('/')} {first_error.detail}"
                return JSONResponse(
                    {"errcode": exporter.ERROR_INVALID_PARAMETER, "errmsg": message}, STATUS_OK
                )

        return handle

    def speaks_dingtalk(self, request: Request) -> bool:  # noqa: ARG002 - for the routes that are asked in two ways
        """Whether the caller expects DingTalk's refusals."""
        return True

    def read_token(self, request: Request) -> Request:
        """Returns the request as the route reads it."""
        return request


class QueryTokenRoute(DingTalkRoute):
    """Route that accepts a token of this system as `?access_token=`, as DingTalk's clients send it."""

    undeclared_parameters = frozenset({"access_token"})

    def speaks_dingtalk(self, request: Request) -> bool:
        """Whether the token comes DingTalk's way; who sends an Authorization header, or nothing, is refused as elsewhere."""
        return "access_token" in request.query_params and "authorization" not in request.headers

    def read_token(self, request: Request) -> Request:
        """Returns the request with the token in the Authorization header."""
        token = request.query_params["access_token"]
        bearer = (b"authorization", b"Bearer " + token.encode("ascii", "replace"))
        return Request(
            dict(request.scope) | {"headers": [*request.scope["headers"], bearer]}, request.receive
        )


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


dingtalk_root_router = APIRouter(tags=["钉钉格式"], route_class=DingTalkRoute)
_ROOT: dict[str, Any] = {
    "response_model_exclude_none": True,
    **allows_anonymous(counted=False, body=MAX_ROOT_BYTES),
}
Text = Annotated[str, Query(max_length=5000)]


@dingtalk_root_router.get("/gettoken", response_model=DingTalkToken, **never_stored(_ROOT))
async def get_token(
    request: Request, appkey: Text = "", appsecret: Text = "", corpid: Text = "", corpsecret: Text = ""
) -> DingTalkToken:
    """获取令牌, 同钉钉: appkey、appsecret(或 corpid、corpsecret)是机器客户端的编号和密钥, 有效 7,200 秒."""
    context = get_service_context(request)
    return await exporter.issue_token(
        context, appkey or corpid, appsecret or corpsecret, client_address(request)
    )


@dingtalk_root_router.post("/attendance/list", response_model=DingTalkAnswer, **_ROOT)
async def list_results_at_root(request: Request, body: ListAsk, access_token: Text = "") -> DingTalkAnswer:
    """获取打卡结果, 地址、字段、枚举与限制同钉钉."""
    context = get_service_context(request)
    actor = await exporter.find_token_actor(context, access_token)
    async with context.database.read() as session:
        return await exporter.list_results(context.unit_of_work(session, actor), body)


@dingtalk_root_router.post("/attendance/listRecord", response_model=DingTalkAnswer, **_ROOT)
async def list_records_at_root(request: Request, body: RecordAsk, access_token: Text = "") -> DingTalkAnswer:
    """获取打卡详情, 地址、字段、枚举与限制同钉钉; 坐标为 GCJ-02."""
    context = get_service_context(request)
    actor = await exporter.find_token_actor(context, access_token)
    async with context.database.read() as session:
        return await exporter.list_details(context.unit_of_work(session, actor), body)


@dingtalk_root_router.post("/gettoken", response_model=DingTalkToken, include_in_schema=False, **_ROOT)
async def refuse_post(request: Request) -> DingTalkToken:
    """钉钉的答复: 需要GET请求."""
    return DingTalkToken(errcode=exporter.ERROR_NEEDS_GET, errmsg=f"需要GET请求: {request.url.path}")


@dingtalk_root_router.get("/attendance/list", response_model=DingTalkToken, include_in_schema=False, **_ROOT)
@dingtalk_root_router.get(
    "/attendance/listRecord", response_model=DingTalkToken, include_in_schema=False, **_ROOT
)
async def refuse_get(request: Request, access_token: Text = "") -> DingTalkToken:  # noqa: ARG001 - not asked here
    """钉钉的答复: 需要POST请求."""
    return DingTalkToken(errcode=exporter.ERROR_NEEDS_POST, errmsg=f"需要POST请求: {request.url.path}")


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
    may=May.PRESENCE_CHANNEL,
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
    may=May.PRESENCE_CHANNEL,
    title="external",
    columns=("channel", "external", "person", "region"),
    filters=("region", "channel"),
    search=("external",),
)
