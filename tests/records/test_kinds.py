"""Every kind of record is whole: a list, a detail, a history, a scope, a title; a wrong declaration does not start."""

from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI

from docs.generate import list_events
from services.projects.changes.lifecycle import ChangeAction, ChangeState
from services.projects.changes.router import CHANGE_KIND
from shared.records import BoundKind, bind_kinds, list_get_addresses, turn
from shared.records.kind_routes import blank_variables

API_PREFIX = "/api/v1"


def list_kinds(apps: dict[str, FastAPI]) -> list[tuple[str, BoundKind]]:
    return [(name, bound) for name, app in apps.items() for bound in getattr(app.state, "kinds", ())]


def test_every_kind_has_a_name_of_its_own_and_known_parents_and_topics(built: dict[str, FastAPI]) -> None:
    kinds = [bound.kind for _, bound in list_kinds(built)]
    names = {kind.name for kind in kinds}
    topics = set(list_events())
    assert len(names) == len(kinds) > 60
    for kind in kinds:
        assert set(kind.parents.values()) <= names, kind.name
        assert set(kind.topics) <= topics, (kind.name, set(kind.topics) - topics)


def test_every_kind_has_a_list_a_detail_and_a_history_where_it_has_a_life(built: dict[str, FastAPI]) -> None:
    for service, bound in list_kinds(built):
        kind = bound.kind
        known = list_get_addresses(built[service].routes, API_PREFIX)
        assert blank_variables(kind.path) in known, kind.name
        nested = "{" in kind.path
        assert nested or blank_variables(kind.detail_address("{}")) in known, kind.name
        assert bound.history or kind.lifecycle is None, kind.name
        assert kind.title in kind.table.c, kind.name
        assert kind.region in kind.table.c or nested, kind.name


def test_every_table_with_a_list_of_its_own_is_a_kind(built: dict[str, FastAPI]) -> None:
    """A page of records that no kind declares would be missing from the worklist, `/meta` and the phones."""
    undeclared = {
        "/projects/inbox",
        "/projects/warnings/{}",
        "/projects/imports/{}/rows",
        "/funds/table-imports/{}/rows",
        "/assets/table-imports/{}/rows",
        "/attendance/table-imports/{}/rows",
        "/households/table-imports/{}/rows",
        "/rectification/table-imports/{}/rows",
        "/projects/screening-jobs/{}/changes",
        "/funds/payments/{}/batch",
        "/funds/public-targets",
        "/assets/arrears",
        "/assets/duties",
        "/assets/campaigns/{}/items",
        "/assets/{}/inspections",
    }
    for service, app in built.items():
        declared = {blank_variables(bound.kind.path) for bound in getattr(app.state, "kinds", ())}
        for path, operations in app.openapi()["paths"].items():
            answer: dict[str, Any] = operations.get("get", {}).get("responses", {}).get("200", {})
            schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
            address = blank_variables(path.removeprefix(API_PREFIX))
            common = any(
                part in address for part in ("/log/", "/worklist/", "/webhooks", "/exchange/", "/public/")
            )
            if "Page_" in schema.get("$ref", "") and service != "gateway" and not common:
                assert address in declared | undeclared, (service, address)


@pytest.mark.parametrize(
    ("fault", "changes"),
    [
        ("columns of its list", {"columns": ("nothing",)}),
        ("columns of its table", {"title": "nothing"}),
        ("columns of its table", {"owner": "nobody"}),
        ("no transition", {"turns": (turn(ChangeState.APPLIED, ChangeAction.APPROVE, "x"),)}),
        ("two lists of one key", {"turns": (CHANGE_KIND.turns[0], CHANGE_KIND.turns[0])}),
        ("no lifecycle", {"lifecycle": None}),
    ],
)
def test_a_declaration_that_names_what_does_not_exist_is_refused(fault: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=fault):
        replace(CHANGE_KIND, **changes)


@pytest.mark.parametrize(
    ("fault", "changes"),
    [
        ("there is no list", {"path": "/projects/nowhere"}),
        ("has no filters", {"filters": ("nothing",)}),
        ("does not list", {"path": "/projects/evaluations", "filters": ()}),
        ("asks for", {"may": next(iter(CHANGE_KIND.todo[0].may))}),
    ],
)
def test_a_kind_that_its_routes_do_not_bear_out_stops_the_start(
    built: dict[str, FastAPI], fault: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=fault):
        bind_kinds([replace(CHANGE_KIND, **changes)], built["projects"].routes, API_PREFIX)
