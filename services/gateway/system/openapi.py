"""One OpenAPI document of all services; pure functions over theirs."""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]
SHOWN = ("/api/v1/", "/.well-known/")
"""Addresses of services that the gateway passes on; health and internal ones stay inside."""
REF = "#/components/schemas/"


def merged(own: Document, others: Mapping[str, Document], missing: list[str]) -> Document:
    """The gateway's document with every service's paths and shapes; `x-missing` names services that are down."""
    clashing = _clashing([own, *others.values()])
    found: Document = {
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
            if path.startswith(SHOWN) or document is own
        }
        found["paths"].update(_with_refs(paths, renamed))
        components = document.get("components", {})
        for old, shape in components.get("schemas", {}).items():
            found["components"]["schemas"][renamed.get(old, old)] = _with_refs(shape, renamed)
        found["components"]["securitySchemes"].update(components.get("securitySchemes", {}))
    found["paths"] = dict(sorted(found["paths"].items()))
    found["components"]["schemas"] = dict(sorted(found["components"]["schemas"].items()))
    if missing:
        found["x-missing"] = sorted(missing)
    return found


def _clashing(documents: list[Document]) -> set[str]:
    """Shapes of one name that differ between services, and all shapes that contain such a one."""
    seen: dict[str, Any] = {}
    clashing: set[str] = set()
    inside: dict[str, set[str]] = {}
    for document in documents:
        for name, shape in document.get("components", {}).get("schemas", {}).items():
            if seen.setdefault(name, shape) != shape:
                clashing.add(name)
            inside.setdefault(name, set()).update(_refs(shape))
    while more := {name for name, used in inside.items() if used & clashing} - clashing:
        clashing |= more
    return clashing


def _refs(node: Any) -> set[str]:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        own = {str(node["$ref"]).removeprefix(REF)} if "$ref" in node else set()
        return own.union(*(_refs(value) for value in node.values()))
    return set[str]().union(*(_refs(value) for value in node)) if isinstance(node, list) else set()


def _with_refs(node: Any, renamed: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        return {key: _with_refs(value, renamed) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_refs(value, renamed) for value in node]
    if isinstance(node, str) and node.startswith(REF):
        name = node.removeprefix(REF)
        return REF + renamed.get(name, name)
    return node


def older(document: Document) -> Document:
    """The same document as OpenAPI 3.0, which the page of /docs can draw (the exact one is /openapi.json)."""
    return {**_older(document), "openapi": "3.0.3"}


def _older(node: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(node, list):
        return [_older(value) for value in node]
    if not isinstance(node, dict):
        return node
    made = {key: _older(value) for key, value in node.items()}
    _nullable(made)
    for bound in ("Minimum", "Maximum"):
        limit = made.get(f"exclusive{bound}")
        if isinstance(limit, int | float) and not isinstance(limit, bool):
            made[bound.lower()], made[f"exclusive{bound}"] = limit, True
    if "const" in made and isinstance(made["const"], str):
        made["enum"] = [made.pop("const")]
    if isinstance(made.get("examples"), list):
        made["example"] = made.pop("examples")[0]
    return made


def _nullable(made: Document) -> None:
    """`anyOf: [X, null]` becomes X that may be null."""
    choices = made.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del made["anyOf"]
        made |= rest[0] if len(rest) == 1 and "$ref" not in rest[0] else {"anyOf": rest}
        made["nullable"] = True
