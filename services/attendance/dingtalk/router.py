"""`/attendance/dingtalk/attendance/list` and `…/listRecord`: DingTalk's addresses over our records."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.attendance.dingtalk import service
from services.attendance.dingtalk.schemas import Answer, ListAsk, RecordAsk
from shared.http import Reading, Route, allows
from shared.permissions import May

Token = Annotated[str, Query(max_length=5000, description="令牌, 也可放在 Authorization 头")]


class TokenInQuery(Route):
    """A route that takes its token where DingTalk's software puts it: `?access_token=`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The ordinary handler, told of the token as if it came in the header."""
        ordinary = super().get_route_handler()

        async def handle(request: Request) -> Response:
            token = request.query_params.get("access_token")
            if token and "authorization" not in request.headers:
                headers = [*request.scope["headers"], (b"authorization", f"Bearer {token}".encode())]
                request = Request(dict(request.scope) | {"headers": headers}, request.receive)
            return await ordinary(request)

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
