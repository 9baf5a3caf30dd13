"""The merged OpenAPI document of all services, and their readiness."""

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
"""Prefixes of the addresses that the gateway forwards; health and internal addresses are not published."""
SCHEMA_REF_PREFIX = "#/components/schemas/"
DOCUMENT_MAX_AGE = timedelta(minutes=1)


def merge_documents(
    own: OpenApiDocument, others: Mapping[str, OpenApiDocument], missing: list[str]
) -> OpenApiDocument:
    """Merge the services' paths and schemas into the gateway's document; `x-missing` lists unavailable services.

    A schema whose name has different content in two services gets the service's name as prefix.
    """
    clashing = _find_clashing_schemas([own, *others.values()])
    merged: OpenApiDocument = {
        **own,
        "paths": dict(own["paths"]),
        "components": {"schemas": {}, "securitySchemes": {}},
    }
    merged["info"] = {"title": "衔接 Xianjie", "version": own["info"]["version"]}
    for name, document in {"gateway": own, **others}.items():
        renamed = {old: f"{name.title()}{old}" for old in clashing}
        paths = {
            path: item
            for path, item in document["paths"].items()
            if path.startswith(PUBLISHED_PREFIXES) or document is own
        }
        merged["paths"].update(_rename_refs(paths, renamed))
        components = document.get("components", {})
        for old, schema in components.get("schemas", {}).items():
            merged["components"]["schemas"][renamed.get(old, old)] = _rename_refs(schema, renamed)
        merged["components"]["securitySchemes"].update(components.get("securitySchemes", {}))
    merged["paths"] = dict(sorted(merged["paths"].items()))
    merged["components"]["schemas"] = dict(sorted(merged["components"]["schemas"].items()))
    if missing:
        merged["x-missing"] = sorted(missing)
    return merged


def _find_clashing_schemas(documents: list[OpenApiDocument]) -> set[str]:
    """Find schemas of the same name that differ between services, and all schemas that refer to one of them."""
    seen: dict[str, Any] = {}
    clashing: set[str] = set()
    references: dict[str, set[str]] = {}
    for document in documents:
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            if seen.setdefault(name, schema) != schema:
                clashing.add(name)
            references.setdefault(name, set()).update(_collect_refs(schema))
    while more := {name for name, used in references.items() if used & clashing} - clashing:
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


async def get_readiness(context: ServiceContext) -> Readiness:
    """Ask every service for its readiness, concurrently."""
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
    except ApiError as error:
        return error.detail
    return "ok"


class OpenApiCache:
    """Caches the merged document for DOCUMENT_MAX_AGE; a document with missing services is not reused."""

    def __init__(self) -> None:
        self._cached_document: OpenApiDocument = {}
        self._cached_at: datetime | None = None

    async def get_document(self, context: ServiceContext, own: OpenApiDocument) -> OpenApiDocument:
        """Get the merged document, fetching the services' documents when the cache is stale."""
        now = context.clock()
        if (
            self._cached_at is None
            or not timedelta() <= now - self._cached_at < DOCUMENT_MAX_AGE
            or "x-missing" in self._cached_document
        ):
            names = list(ServiceName)
            answers = await asyncio.gather(*(_fetch_document(context, name) for name in names))
            documents = {
                str(name): document
                for name, document in zip(names, answers, strict=True)
                if document is not None
            }
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
