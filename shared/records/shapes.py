"""Read the fields of a pydantic schema: their Chinese labels, types, units and code sets."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared.china import Fix, LabelledEnum, is_money

LABEL_FILE = Path(__file__).parent / "field_labels.json"
SERVICES_FOLDER = Path(__file__).parents[2] / "services"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
UNIT_BY_SUFFIX = {
    "_percent": "%",
    "_m": "米",
    "minutes": "分钟",
    "halves": "半天",
    "_years": "年",
    "days_back": "天",
}
FILE_FIELDS = {
    "photo": "file",
    "file_id": "file",
    "decision_file": "file",
    "photos": "files",
    "files": "files",
    "file_ids": "files",
    "evidence": "files",
}
"""Fields that take the ids of uploaded files."""
ACCOUNT_FIELDS = frozenset({"approver", "deputy", "person"})
"""Fields beside `…_by` that name an account; a page asks `/users/names` what it is called."""
PLAIN_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (Decimal, "number"),
    (datetime, "datetime"),
    (date, "date"),
    (UUID, "id"),
    (str, "text"),
    (BaseModel, "object"),
)


@dataclass(frozen=True)
class FieldShape:
    """What a page must know of one field; `codes` names its code set."""

    type_name: str
    unit: str = ""
    codes: type[LabelledEnum] | None = None


@cache
def load_labels() -> Mapping[str, str]:
    """Load the Chinese labels: of a field name, or of `Schema.field` where the name means something else there.

    A service may keep its own file.
    """
    found: dict[str, str] = {}
    for path in (LABEL_FILE, *sorted(SERVICES_FOLDER.glob(f"*/{LABEL_FILE.name}"))):
        found |= json.loads(path.read_text("utf-8"))
    return found


def find_label(shape: str, name: str) -> str:
    """Return the Chinese label of a field; its name where nobody gave it one."""
    labels = load_labels()
    return labels.get(f"{shape}.{name}") or labels.get(name) or name


def has_label(shape: str, name: str) -> bool:
    """Whether a field has a label in words; what has none is for machines only."""
    return CHINESE.search(find_label(shape, name)) is not None


def describe_field(name: str, annotation: Any, field: FieldInfo | None = None) -> FieldShape:  # noqa: ANN401 - a type
    """Describe a field by its annotation and name."""
    parts = list(iterate_parts(annotation))
    metadata = [*(field.metadata if field is not None else ()), *parts]
    if any(is_money(one) for one in metadata):
        return FieldShape("money", "元")
    kinds = [one for one in parts if isinstance(one, type)]
    if own := _name_own_type(name, kinds):
        return FieldShape(own)
    listed = any(one in {list, tuple, dict} for one in kinds)
    codes = next((one for one in kinds if issubclass(one, LabelledEnum)), None)
    if codes is not None:
        return FieldShape("codes" if listed else "code", codes=codes)
    if listed:
        return FieldShape("list")
    unit = next((unit for suffix, unit in UNIT_BY_SUFFIX.items() if name.endswith(suffix)), "")
    for kind, word in PLAIN_TYPES:
        if any(issubclass(one, kind) for one in kinds):
            return FieldShape(word, unit)
    return FieldShape("object")


def _name_own_type(name: str, kinds: list[type]) -> str:
    """The type of a region, an account, of files and of a fix, which the JSON type does not tell; empty for any other."""
    if name == "region" or name.endswith("_region"):
        return "region"
    if (name.endswith("_by") or name in ACCOUNT_FIELDS) and str in kinds:
        return "account"
    return FILE_FIELDS.get(name) or ("fix" if Fix in kinds else "")


def iterate_parts(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - a type
    """Walk through a type and what stands in its brackets."""
    origin = getattr(annotation, "__origin__", None)
    if isinstance(origin, type):
        yield origin
    if metadata := getattr(annotation, "__metadata__", None):
        yield from metadata
    arguments = get_args(annotation)
    if not arguments:
        yield annotation
    for one in arguments:
        yield from iterate_parts(one)


def find_named_codes(annotation: Any) -> str:  # noqa: ANN401 - a type
    """The code set that a query parameter names by `x-codes`, where its codes are no enum; empty for none."""
    extras = [one.json_schema_extra for one in iterate_parts(annotation) if isinstance(one, FieldInfo)]
    return next((str(one["x-codes"]) for one in extras if isinstance(one, dict) and "x-codes" in one), "")


def name_code_set(kind: type[LabelledEnum]) -> str:
    """Name a code set by where it is defined: `funds.payments.payment_state`."""
    *path, _ = kind.__module__.split(".")
    words = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
    return ".".join([*(part for part in path if part != "services"), words])


def inner_shapes(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a type
    """The schemas that stand in a type."""
    parts = [one for one in iterate_parts(annotation) if isinstance(one, type)]
    return [one for one in parts if issubclass(one, BaseModel)]
