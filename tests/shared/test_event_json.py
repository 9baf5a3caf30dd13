"""Every event leaves in one form: money in 元, instants in UTC, and `before` the same way; made from the event classes."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

import pytest
import sqlalchemy as sa
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo
from sqlmodel import SQLModel

import services
import shared
from shared.china.money import _YuanAmount
from shared.db import Fen
from shared.events import Event, serialize_columns, serialize_event, serialize_value

COUNTS = {
    "assets", "cached", "count", "days", "drawn", "expected", "fiscal_year", "fresh", "halves",
    "invalid", "items", "known", "lines", "minutes", "now_year", "number", "percent", "photos",
    "physical_percent", "rule_version", "unmatched", "was_year", "year",
}  # fmt: skip
"""Integer fields of events that are no money: counts, years, percentages, numbers."""
LARGE_COUNTS = {
    "passkey.sign_count",
    "project_quantity.done",
    "project_quantity.planned",
    "upload.length",
    "upload.received",
    "upload_part.size",
}
"""Large integers of tables that are no money."""
YUAN = re.compile(r"-?\d+\.\d{2}")
CHINA_NOON = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=8)))


def load_modules() -> None:
    for package in (services, shared):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not re.search(
                r"migrations|__main__|demo_accounts|load_regions|rotate_keys|first_admin", module.name
            ):
                importlib.import_module(module.name)


def list_subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for one in kind.__subclasses__():
        yield one
        yield from list_subclasses(one)


load_modules()
EVENTS = sorted(
    {
        one
        for one in list_subclasses(Event)
        if hasattr(one, "topic") and one.__module__.startswith(("services.", "shared."))
    },
    key=lambda one: one.topic,
)
TABLES = [
    one
    for one in list_subclasses(SQLModel)
    if one.__module__.startswith("services.") and hasattr(one, "__table__")
]


def is_money(field: FieldInfo) -> bool:
    return any(isinstance(one, _YuanAmount) for one in [*field.metadata, *get_args(field.annotation)])


SAMPLES: dict[Any, Any] = {
    str: "x",
    bool: True,
    int: 7,
    float: 1.5,
    UUID: UUID(int=1),
    date: date(2026, 3, 1),
    datetime: CHINA_NOON,
    AwareDatetime: CHINA_NOON,
}


def make_value(annotation: Any) -> Any:
    """Any value of a type that events use."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Annotated, Union, UnionType):
        return make_value(arguments[0])
    if origin in (list, tuple):
        return origin(make_value(one) for one in arguments if one is not Ellipsis)
    if origin is dict:
        return {}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation(**{name: make_field(field) for name, field in annotation.model_fields.items()})
    return SAMPLES[annotation]


def make_field(field: FieldInfo) -> Any:
    return "1234.56" if is_money(field) else make_value(field.annotation)


def find_integers(value: Any, path: str = "") -> Iterator[str]:
    """The names at which plain integers stand."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from find_integers(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from find_integers(one, path)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield path


@pytest.mark.parametrize("kind", EVENTS, ids=[one.topic for one in EVENTS])
def test_no_amount_of_an_event_leaves_as_an_integer(kind: type[Event]) -> None:
    event = kind(**{name: make_field(field) for name, field in kind.model_fields.items()})

    told = serialize_event(event)

    assert set(find_integers(told)) - {"positions"} <= COUNTS, "annotate it as Money, or list it as a count"
    for name, field in kind.model_fields.items():
        if is_money(field):
            assert YUAN.fullmatch(told[name])
        assert field.annotation is not datetime, "annotate it as Instant"
    assert json.loads(json.dumps(told)) == told
    assert serialize_event(kind.model_validate(told)) == told


@pytest.mark.parametrize("table", TABLES, ids=[one.__name__ for one in TABLES])
def test_old_values_of_money_columns_are_told_in_yuan(table: type[SQLModel]) -> None:
    columns = sa.inspect(table).columns
    large = [
        one.name
        for one in columns
        if isinstance(one.type, sa.BigInteger)
        and not one.primary_key
        and f"{one.table.name}.{one.name}" not in LARGE_COUNTS
    ]

    before = serialize_columns(table, dict.fromkeys(large, 50_000_000))

    assert before == dict.fromkeys(large, "500000.00"), "a large number is money (Fen) or no BigInteger"


def test_instants_dates_ids_and_lists_of_before_have_one_form() -> None:
    values = {
        "at": CHINA_NOON,
        "on": date(2026, 3, 1),
        "id": UUID(int=1),
        "files": [UUID(int=2)],
        "none": None,
        "on_off": True,
    }

    assert {name: serialize_value(value) for name, value in values.items()} == {
        "at": "2026-03-01T04:00:00Z", "on": "2026-03-01", "id": str(UUID(int=1)), "files": [str(UUID(int=2))],
        "none": None, "on_off": True,
    }  # fmt: skip


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without zone"):
        serialize_value(datetime(2026, 3, 1, 12))  # noqa: DTZ001


def test_both_money_column_types_are_the_same_in_the_database() -> None:
    assert Fen().compile() == sa.BigInteger().compile() == "BIGINT"
