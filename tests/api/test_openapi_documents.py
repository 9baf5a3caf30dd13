"""What every service publishes about itself can be read by generators: titles, defaults."""

from collections.abc import Callable
from typing import Any

import pytest

from embedded.system import list_services
from shared.app.factory import openapi_with_problems
from tests.clients import ServiceUnderTest


def list_properties(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(schema, property, definition) of all schemas of a document."""
    schemas = document["components"]["schemas"]
    return [
        (name, key, part)
        for name, schema in schemas.items()
        for key, part in schema.get("properties", {}).items()
    ]


@pytest.mark.parametrize("service", list_services())
def test_a_schema_is_called_what_its_key_says(service: str, door: Callable[[str], ServiceUnderTest]) -> None:
    schemas = openapi_with_problems(door(service).system.apps[service])["components"]["schemas"]

    assert {name: schema["title"] for name, schema in schemas.items() if schema["title"] != name} == {}


@pytest.mark.parametrize("service", list_services())
def test_a_default_is_a_value_of_its_type(service: str, door: Callable[[str], ServiceUnderTest]) -> None:
    document = openapi_with_problems(door(service).system.apps[service])

    wrong = [
        (schema, key, part["default"])
        for schema, key, part in list_properties(document)
        if part.get("type") == "string" and not isinstance(part.get("default", ""), str | None)
    ]
    assert wrong == []
    assert (
        any(part.get("default") == "0.00" for _, _, part in list_properties(document)) or service != "assets"
    )
