"""Generators make clients of the documents: nothing is invalid, nothing is dropped, names are short, codes have labels."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_spec_validator import OpenAPIV31SpecValidator

DOCUMENTS = sorted((Path(__file__).parents[2] / "docs" / "openapi").glob("*.json"))
MAX_ID_LENGTH = 40


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def list_ids(document: dict[str, Any]) -> list[str]:
    return [one["operationId"] for methods in document["paths"].values() for one in methods.values()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_is_valid(path: Path) -> None:
    assert [str(error)[:200] for error in OpenAPIV31SpecValidator(read(path)).iter_errors()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_the_python_generator_drops_no_operation(path: Path) -> None:
    settings = yaml.safe_load((path.parent / "python-client.yml").read_text("utf-8"))
    config = Config.from_sources(
        ConfigFile(**settings), MetaType.NONE, path, "utf-8", overwrite=True, output_path=None
    )
    document = read(path)
    made = GeneratorData.from_dict(document, config=config)
    assert not isinstance(made, GeneratorError), made
    wrong = [
        error.header for group in made.endpoint_collections_by_tag.values() for error in group.parse_errors
    ]
    names = {one.name for group in made.endpoint_collections_by_tag.values() for one in group.endpoints}

    assert wrong == []
    assert len(names) == len(list_ids(document))


def test_operation_ids_are_short_and_unique() -> None:
    ids = [one for path in DOCUMENTS for one in list_ids(read(path))]

    assert len(ids) == len(set(ids))
    assert [one for one in ids if len(one) > MAX_ID_LENGTH] == []


def test_codes_have_labels() -> None:
    schemas = read(DOCUMENTS[0].with_name("attendance.json"))["components"]["schemas"]
    kinds = dict(zip(schemas["LeaveKind"]["enum"], schemas["LeaveKind"]["x-enum-descriptions"], strict=True))

    assert (kinds["personal"], kinds["annual"]) == ("事假", "年休假")
