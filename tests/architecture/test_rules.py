"""Every rule that code reads is declared once, with a Chinese title and bounds for each of its fields."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest

import services
from embedded.system import list_services
from shared.app import Service
from shared.app.factory import ROOT
from shared.rules import RuleKey, RuleRegistry, check_rule_files, read_rule_files

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _get_registry(name: str) -> RuleRegistry:
    """The rules of a service; of the gateway none."""
    service = importlib.import_module(f"services.{name}.main").SERVICE
    return service.rule_registry() if isinstance(service, Service) else RuleRegistry()


REGISTRIES = {name: _get_registry(name) for name in list_services()}
KEYS = [(name, key) for name, registry in REGISTRIES.items() for key in registry]


def _list_schemas(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a value under a schema, with its path."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _list_schemas(inner, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _list_schemas(schema[name], f"{path}[]")
    for part in (*schema.get("anyOf", ()), *schema.get("prefixItems", ())):
        yield from _list_schemas(part, path)
    for name, inner in schema.get("$defs", {}).items():
        yield from _list_schemas(inner, name)


def _is_bounded(schema: dict[str, Any]) -> bool:
    if {"enum", "const", "$ref", "anyOf"} & set(schema):
        return True
    match schema.get("type"):
        case "integer" | "number":
            return ("minimum" in schema or "exclusiveMinimum" in schema) and "maximum" in schema
        case "string":
            return "maxLength" in schema or "pattern" in schema or "format" in schema
        case "array":
            return "maxItems" in schema
        case "object":
            return "properties" in schema or "maxProperties" in schema
        case kind:
            return kind in {"boolean", "null"}


@pytest.mark.parametrize(("service", "key"), KEYS, ids=[f"{name}-{key.key}" for name, key in KEYS])
def test_every_field_of_a_rule_has_a_chinese_title_and_bounds(service: str, key: RuleKey[Any]) -> None:
    schema = key.json_schema()
    found = list(_list_schemas(schema, key.key))

    assert "properties" in schema or CHINESE.search(schema.get("title", "")), service
    assert [path for path, one in found if not _is_bounded(one)] == []
    assert [
        f"{path}.{name}"
        for path, one in found
        for name, field in one.get("properties", {}).items()
        if not CHINESE.search(field.get("title", ""))
    ] == []


@pytest.mark.parametrize("service", list(REGISTRIES))
def test_the_rule_files_of_a_service_fit_its_shapes(service: str) -> None:
    registry = REGISTRIES[service]
    folders = registry.list_folders(ROOT / "services" / service / "rules")

    check_rule_files(registry, [one for folder in folders for one in read_rule_files(folder)])


def test_every_declared_rule_is_listed_by_its_service() -> None:
    lost = []
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if ".migrations" in module.name:
            continue
        listed = REGISTRIES.get(module.name.split(".")[1], RuleRegistry())
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, RuleKey) and listed.find_key(value.key) is not value:
                lost.append(f"{module.name}.{name}")
    assert lost == []
