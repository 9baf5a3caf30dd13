"""`/attendance/dingtalk/attendance/list` and `…/listRecord`: DingTalk's addresses over our records."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from services.attendance.dingtalk import service
from services.attendance.dingtalk.schemas import Answer, ListAsk, RecordAsk
from shared.errors import Forbidden, Unauthenticated
from shared.http import Reading, Route, allows
from shared.permissions import May
from shared.problems import faults

Token = Annotated[str, Query(max_length=5000, description="令牌, 也可放在 Authorization 头")]


OK = 200
DENIED = {
    Unauthenticated: {"errcode": 40014, "errmsg": "不合法的access_token"},
    Forbidden: {
        "errcode": 88,
        "sub_code": "60011",
        "sub_msg": "没有调用该接口的权限",
        "errmsg": "ding talk error[subcode=60011,submsg=没有调用该接口的权限]",
    },
}
"""What DingTalk answers with status 200 where others refuse."""


class TokenInQuery(Route):
    """A route that takes its token where DingTalk's software puts it, `?access_token=`, and then refuses as DingTalk does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The ordinary handler, told of the token as if it came in the header."""
        ordinary = super().get_route_handler()

        async def handle(request: Request) -> Response:
            token = request.query_params.get("access_token")
            if not token or "authorization" in request.headers:
                return await ordinary(request)
            bearer = (b"authorization", b"Bearer " + token.encode("ascii", "replace"))
            scope = dict(request.scope) | {"headers": [*request.scope["headers"], bearer]}
            try:
                return await ordinary(Request(scope, request.receive))
            except (Unauthenticated, Forbidden) as refusal:
                return JSONResponse(DENIED[type(refusal)], OK)
            except RequestValidationError as error:
                found = faults(error.errors())[0]
                words = f"不合法的参数: {found.pointer.strip('/')} {found.detail}"
                return JSONResponse({"errcode": service.BAD, "errmsg": words}, OK)

        return handle


router = APIRouter(prefix="/attendance/dingtalk/attendance", tags=["钉钉格式"], route_class=TokenInQuery)


@router.post(
    "/list", response_model=Answer, response_model_exclude_none=True, **allows(May.PRESENCE_EXCHANGE)
)
async def list_results(work: Reading, body: ListAsk, access_token: Token = "") -> Answer:  # noqa: ARG001 - read by the route
    """获取打卡结果, 字段、枚举与限制同钉钉."""
    return await service.results(work, body)


@router.post(
    "/listRecord", response_model=Answer, response_model_exclude_none=True, **allows(May.PRESENCE_EXCHANGE)
)
async def list_records(work: Reading, body: RecordAsk, access_token: Token = "") -> Answer:  # noqa: ARG001 - read by the route
    """获取打卡详情, 字段、枚举与限制同钉钉; 坐标为 GCJ-02."""
    return await service.details(work, body)
