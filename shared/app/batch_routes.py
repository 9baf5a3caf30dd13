"""`GET /internal/batch-routes`: what a phone may put into a batch, and the tables it keeps (services/sync)."""

from collections.abc import Iterable, Iterator

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, Field
from starlette.routing import BaseRoute

from shared.auth import May
from shared.http import API_PREFIX, KEYED_METHODS, Route, requires
from shared.http.door_rules import MAX_BODY_BYTES
from shared.records.phone_tables import PhoneTable, describe_phone_tables

STATUS_CREATED = 201
SEGMENTS_OUTSIDE_BATCHES = frozenset(
    {
        "auth",
        "clients",
        "dingtalk",
        "export",
        "exchange",
        "files",
        "imports",
        "issuers",
        "log",
        "public",
        "rule-proposals",
        "rules",
        "scan",
        "second-factor",
        "sessions",
        "sync",
        "trial",
        "uploads",
        "users",
        "webhooks",
    }
)
"""An address with one of these parts is asked directly: sign-in, files, exports and imports, administration; and each whose
answer nobody may store."""


class BatchRoute(BaseModel):
    """一个可以放进批次的地址."""

    method: str
    path: str = Field(description="with variable parts in braces")
    permissions: list[str] = Field(
        description="any of these lets its caller in; empty: every signed-in caller"
    )
    takes_id: bool = Field(description="makes a record that takes the phone's own id")


class BatchRouteList(BaseModel):
    """本服务可以放进批次的地址, 属于本服务的前缀, 手机保存的记录种类."""

    prefixes: list[str]
    items: list[BatchRoute]
    tables: list[PhoneTable]


def batch_route_router() -> APIRouter:
    """What services/sync asks each service once; not reachable from outside."""
    router = APIRouter(prefix="/internal/batch-routes", tags=["同步"], route_class=Route)

    @router.get("", response_model=BatchRouteList, **requires(May.EVENT_DELIVER))
    async def list_batch_routes(request: Request) -> BatchRouteList:
        """可以放进批次的地址."""
        prefixes = [
            one for one in request.app.state.declared_routes.prefixes if one.startswith(f"{API_PREFIX}/")
        ]
        return BatchRouteList(
            prefixes=prefixes,
            items=list(_list_batch_routes(request.app.routes)),
            tables=describe_phone_tables(request.app.state.kinds, API_PREFIX),
        )

    return router


def _list_batch_routes(routes: Iterable[BaseRoute]) -> Iterator[BatchRoute]:
    for context in iter_route_contexts(list(routes)):
        route, path = context.original_route, str(context.path)
        if isinstance(route, APIRoute) and path.startswith(f"{API_PREFIX}/") and _fits_in_batch(route, path):
            words = (route.openapi_extra or {}).get("x-permission", [])
            mays = [one for one in words if one != "signed-in"]
            for method in sorted((route.methods or set()) & KEYED_METHODS):
                yield BatchRoute(method=method, path=path, permissions=mays, takes_id=_takes_id(route))


def _fits_in_batch(route: APIRoute, path: str) -> bool:
    extra = route.openapi_extra or {}
    is_json = not (route.dependant.body_params and any(_is_form(one) for one in route.dependant.body_params))
    return (
        is_json
        and "public" not in extra.get("x-permission", ["public"])
        and int(extra.get("x-body-limit", 0)) <= MAX_BODY_BYTES
        and not getattr(route, "is_never_stored", False)
        and not SEGMENTS_OUTSIDE_BATCHES & set(path.split("/"))
    )


def _takes_id(route: APIRoute) -> bool:
    """Whether the route makes a record whose body has a place for its id."""
    body = route.body_field.field_info.annotation if route.body_field is not None else None
    return route.status_code == STATUS_CREATED and "id" in getattr(body, "model_fields", {})


def _is_form(parameter: object) -> bool:
    return type(getattr(parameter, "field_info", None)).__name__ in {"Form", "File"}
