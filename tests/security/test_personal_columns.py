"""Every column that can hold a name, a number, a device or a place of a person is erased by a request, or says why not."""

import csv
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from shared.clients.service_names import ServiceName
from shared.db.migrate import load_base
from shared.db.tables import SHARED_METADATA
from shared.person_requests.accounts import AccountCopies
from shared.person_requests.models import PersonRequestRow, PersonRequests

LIST = Path(__file__).parent / "personal_columns.csv"
IDENTIFYING = re.compile(
    r"_(sealed|masked|mark|index)$|name|phone|contact|leader|payee|payer|party|operator|debtor|visitors|holders|person$"
    r"|^(agent|source|subject|external|actor|device|fix|lon|lat|raw|secret|words|title|credential|witness_name|visitor_name)$"
)
ACCOUNT_ID_LENGTH = 64
"""Columns of this length hold ids: of accounts, which stay, or of records."""
NO_ID = frozenset({"agent", "source", "external", "device", "raw", "secret"})


def is_identifying(column: sa.Column[Any]) -> bool:
    """Whether a column can hold what tells a person, by its name; ids of accounts and records do not."""
    if isinstance(column.type, sa.Uuid | sa.DateTime | sa.Date | sa.Boolean) or column.foreign_keys:
        return False
    is_id = getattr(column.type, "length", None) == ACCOUNT_ID_LENGTH and column.name not in NO_ID
    return bool(IDENTIFYING.search(column.name)) and not is_id


@cache
def list_declared(service: str) -> frozenset[tuple[str, str]]:
    """(table, column) that the requests of a service empty or delete."""
    found: set[tuple[str, str]] = set()
    for module in list_modules(service):
        for value in vars(importlib.import_module(module)).values():
            if isinstance(value, PersonRequests | AccountCopies):
                for rows in value.rows:
                    names = rows.model.__table__.c.keys() if rows.deletes else [*rows.empties, rows.files]
                    found |= {(rows.model.__tablename__, name) for name in names}
            if isinstance(value, type) and issubclass(value, PersonRequestRow):
                found |= {
                    ("person_request", name)
                    for name in ("name_sealed", "name_masked", "phone_sealed", "id_mark")
                }
    return frozenset(found)


def list_modules(service: str) -> Iterator[str]:
    """Where a service declares whose values it keeps."""
    for name in ("person_requests.router", "person_requests.repository", "personal", "consumers", "main"):
        path = Path("services", service, *name.split(".")).with_suffix(".py")
        if path.exists():
            yield f"services.{service}.{name}"


def read_list() -> dict[tuple[str, str, str], str]:
    """(service, table, column) → why no request empties it."""
    with LIST.open(encoding="utf-8") as file:
        return {(row["service"], row["table"], row["column"]): row["why"] for row in csv.DictReader(file)}


def list_columns() -> Iterator[tuple[str, str, str]]:
    """Every identifying column; of the tables that every service has once, under the service `*`."""
    for table in SHARED_METADATA.sorted_tables:
        yield from (("*", table.name, column.name) for column in table.c if is_identifying(column))
    for service in map(str, ServiceName):
        for table in load_base(service).metadata.sorted_tables:
            if table.name not in SHARED_METADATA.tables:
                yield from (
                    (service, table.name, column.name) for column in table.c if is_identifying(column)
                )


def test_every_identifying_column_is_erased_or_says_why_not() -> None:
    said = read_list()
    columns = set(list_columns())
    declared = {one for one in columns if one[0] != "*" and one[1:] in list_declared(one[0])}
    assert columns - declared - said.keys() == set(), (
        "declare them in PersonalRows, AccountCopies or personal_columns.csv"
    )
    assert said.keys() - columns == set(), "columns that are not there"
    assert said.keys() & declared == set(), "columns that are erased"
    assert all(why.strip() for why in said.values())
