"""One OpenAPI document of all services; pure functions over theirs."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.gateway.system.schemas import Readiness
from shared.clients import ServiceName
from shared.errors import ApiError
from shared.unit_of_work import ServiceContext

OpenApiDocument = dict[str, Any]
PUBLISHED_PREFIXES = ("/api/v1/", "/.well-known/")
"""Addresses of services that the gateway passes on; health and internal ones stay inside."""
SCHEMA_REF_PREFIX = "#/components/schemas/"


def merge_documents(
    own: OpenApiDocument, others: Mapping[str, OpenApiDocument], missing: list[str]
) -> OpenApiDocument:
    """The gateway's document with every service's paths and shapes; `x-missing` names services that are down."""
    clashing = _find_clashing_schemas([own, *others.values()])
    found: OpenApiDocument = {
        **own,
        "paths": dict(own["paths"]),
        "components": {"schemas": {}, "securitySchemes": {}},
    }
    found["info"] = {"title": "衔接 Xianjie", "version": own["info"]["version"]}
    for name, document in {"gateway": own, **others}.items():
        renamed = {old: f"{name.title()}{old}" for old in clashing}
        paths = {
            path: item
            for path, item in document["paths"].items()
            if path.startswith(PUBLISHED_PREFIXES) or document is own
        }
        found["paths"].update(_rename_refs(paths, renamed))
        components = document.get("components", {})
        for old, shape in components.get("schemas", {}).items():
            found["components"]["schemas"][renamed.get(old, old)] = _rename_refs(shape, renamed)
        found["components"]["securitySchemes"].update(components.get("securitySchemes", {}))
    found["paths"] = dict(sorted(found["paths"].items()))
    found["components"]["schemas"] = dict(sorted(found["components"]["schemas"].items()))
    if missing:
        found["x-missing"] = sorted(missing)
    return found


def _find_clashing_schemas(documents: list[OpenApiDocument]) -> set[str]:
    """Shapes of one name that differ between services, and all shapes that contain such a one."""
    seen: dict[str, Any] = {}
    clashing: set[str] = set()
    inside: dict[str, set[str]] = {}
    for document in documents:
        for name, shape in document.get("components", {}).get("schemas", {}).items():
            if seen.setdefault(name, shape) != shape:
                clashing.add(name)
            inside.setdefault(name, set()).update(_collect_refs(shape))
    while more := {name for name, used in inside.items() if used & clashing} - clashing:
        clashing |= more
    return clashing


def _collect_refs(node: Any) -> set[str]:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        own = {str(node["$ref"]).removeprefix(SCHEMA_REF_PREFIX)} if "$ref" in node else set()
        return own.union(*(_collect_refs(value) for value in node.values()))
    return set[str]().union(*(_collect_refs(value) for value in node)) if isinstance(node, list) else set()


def _rename_refs(node: Any, renamed: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        return {key: _rename_refs(value, renamed) for key, value in node.items()}
    if isinstance(node, list):
        return [_rename_refs(value, renamed) for value in node]
    if isinstance(node, str) and node.startswith(SCHEMA_REF_PREFIX):
        name = node.removeprefix(SCHEMA_REF_PREFIX)
        return SCHEMA_REF_PREFIX + renamed.get(name, name)
    return node


def to_openapi_3_0(document: OpenApiDocument) -> OpenApiDocument:
    """The same document as OpenAPI 3.0, which the page of /docs can draw (the exact one is /openapi.json)."""
    return {**_downgrade_node(document), "openapi": "3.0.3"}


def _downgrade_node(node: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(node, list):
        return [_downgrade_node(value) for value in node]
    if not isinstance(node, dict):
        return node
    made = {key: _downgrade_node(value) for key, value in node.items()}
    _mark_nullable(made)
    for bound in ("Minimum", "Maximum"):
        limit = made.get(f"exclusive{bound}")
        if isinstance(limit, int | float) and not isinstance(limit, bool):
            made[bound.lower()], made[f"exclusive{bound}"] = limit, True
    if "const" in made and isinstance(made["const"], str):
        made["enum"] = [made.pop("const")]
    if isinstance(made.get("examples"), list):
        made["example"] = made.pop("examples")[0]
    return made


def _mark_nullable(made: OpenApiDocument) -> None:
    """`anyOf: [X, null]` becomes X that may be null."""
    choices = made.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del made["anyOf"]
        made |= rest[0] if len(rest) == 1 and "$ref" not in rest[0] else {"anyOf": rest}
        made["nullable"] = True


DOCUMENT_MAX_AGE = timedelta(minutes=1)


async def get_readiness(context: ServiceContext) -> Readiness:
    """Every service's own answer, asked at once."""
    names = list(ServiceName)
    states = await asyncio.gather(*(_check_service(context, name) for name in names))
    services = {str(name): state for name, state in zip(names, states, strict=True)}
    down = [name.label for name in names if services[name] != "ok"]
    return Readiness(status="down" if down else "ok", services=services, missing=down)


async def _check_service(context: ServiceContext, name: str) -> str:
    if context.clients.is_not_deployed(name):
        return "没有安装"
    try:
        await context.clients.request(name, "GET", "/readyz")
    except ApiError as refusal:
        return refusal.detail
    return "ok"


class OpenApiCache:
    """The merged document, made anew once a minute at most."""

    def __init__(self) -> None:
        self._cached_document: OpenApiDocument = {}
        self._cached_at: datetime | None = None

    async def get_document(self, context: ServiceContext, own: OpenApiDocument) -> OpenApiDocument:
        """All services' documents as one."""
        now = context.clock()
        if (
            self._cached_at is None
            or not timedelta() <= now - self._cached_at < DOCUMENT_MAX_AGE
            or "x-missing" in self._cached_document
        ):
            names = list(ServiceName)
            found = await asyncio.gather(*(_fetch_document(context, name) for name in names))
            documents = {str(name): one for name, one in zip(names, found, strict=True) if one is not None}
            missing = [str(name) for name in names if name not in documents]
            self._cached_document, self._cached_at = merge_documents(own, documents, missing), now
        return self._cached_document


async def _fetch_document(context: ServiceContext, name: str) -> Any:  # noqa: ANN401 - a document, or None
    if context.clients.is_not_deployed(name):
        return None
    try:
        return await context.clients.request(name, "GET", "/openapi.json")
    except ApiError:
        return None
