"""What a service does not know, it refuses by name; what nobody sees is not stored; a name is more than blanks."""

import json
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from docs.generate import build_apps
from shared.http import Route

DINGTALK = {"ListAsk", "RecordAsk"}
BROWSER = {"PublicKey", "Assertion", "AssertionResponse", "Attestation", "AttestationResponse"}
TOLERANT = DINGTALK | BROWSER
"""Bodies in DingTalk's format, whose clients send more fields, and keys and credentials as browsers export them."""
LISTS = {
    "identity": "/users",
    "projects": "/projects",
    "funds": "/funds/payments",
    "assets": "/assets",
    "attendance": "/attendance/teams",
}


def _list_shapes(annotation: Any, found: set[type[BaseModel]]) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation not in found:
            found.add(annotation)
            for field in annotation.model_fields.values():
                _list_shapes(field.annotation, found)
        return found
    for one in get_args(annotation):
        _list_shapes(one, found)
    return found


def _list_bodies() -> Iterator[tuple[str, type[BaseModel]]]:
    for name, app in build_apps().items():
        for context in iter_route_contexts(app.routes):
            route = context.original_route
            is_public = not str(context.path).startswith("/internal/")
            if is_public and isinstance(route, Route) and route.body_field is not None:
                for shape in _list_shapes(route.body_field.field_info.annotation, set()):
                    if not shape.__name__.startswith("Body_"):
                        yield f"{name} {context.path}", shape


def test_no_body_ignores_a_field() -> None:
    wrong = {
        shape.__name__
        for _, shape in _list_bodies()
        if shape.model_config.get("extra") != "forbid" and shape.__name__ not in TOLERANT
    }

    assert not wrong


def test_the_document_says_that_unknown_fields_are_refused() -> None:
    document = build_apps()["projects"].openapi()

    assert document["components"]["schemas"]["ProjectCreate"]["additionalProperties"] is False


@pytest.mark.parametrize("service", LISTS)
async def test_an_unknown_query_parameter_is_named(door: Callable[[str], Any], service: str) -> None:
    admin = door(service).client_as("admin" if service == "identity" else "bureau")
    answer = await admin.get(LISTS[service], params={"limit": 5, "updated_after": "2024-01-01"})

    assert answer.status_code == 400, answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/query/updated_after"
    assert "没有参数“updated_after”" in error["detail"]
    assert "limit" in error["detail"]


@pytest.mark.parametrize("service", LISTS)
async def test_a_parameter_with_an_invisible_character_is_refused(
    door: Callable[[str], Any], service: str
) -> None:
    admin = door(service).client_as("admin" if service == "identity" else "bureau")
    answer = await admin.get(LISTS[service], params={"sort": "a\u0000b"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/query/sort"


PROJECT = {
    "name": "黄羊镇供水管网延伸",
    "category": "3.1.4",
    "year": 2024,
    "region": "620602100201",
    "total": "500000.00",
}


async def test_a_misspelled_body_field_is_named_with_its_pointer(door: Callable[[str], Any]) -> None:
    clerk = door("projects").client_as("village_clerk")
    answer = await clerk.post("/projects", json={**PROJECT, "organisation": "村委会"})

    assert answer.status_code == 422
    assert {"pointer": "/organisation", "code": "extra_forbidden", "detail": "没有这个字段"} in answer.json()[
        "errors"
    ]


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("供水\u0000管网", "控制字符 U+0000"),
        ("供水\u202e管网", "不可见字符 U+202E"),
        ("供水\u200b管网", "不可见字符 U+200B"),
        ("供水\u2028管网", "分行符 U+2028"),
        ("供水\ufeff管网", "不可见字符 U+FEFF"),
        ("供水\u00ad管网", "不可见字符 U+00AD"),
        ("供水\u3164管网", "空白字符 U+3164"),
        ("供水\U000e0041管网", "不可见字符 U+E0041"),
        ("供水\uffff管网", "无效字符 U+FFFF"),
    ],
)
@pytest.mark.parametrize("escaped", [True, False])
async def test_an_invisible_character_is_refused_with_its_place(
    door: Callable[[str], Any], name: str, seen: str, escaped: bool
) -> None:
    clerk = door("projects").client_as("village_clerk")
    body = json.dumps({**PROJECT, "name": name}, ensure_ascii=escaped).encode()
    answer = await clerk.post("/projects", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/name"
    assert seen in error["detail"]


@pytest.mark.parametrize("name", ["㐂\U00020000村\ufe00供水", "﹏黄羊镇（一期）供水", "第一行\n第二行供水"])
async def test_rare_characters_their_variants_and_lines_may_stand(
    door: Callable[[str], Any], name: str
) -> None:
    clerk = door("projects").client_as("village_clerk")
    answer = await clerk.post("/projects", json={**PROJECT, "name": name})

    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == name


@pytest.mark.parametrize("blank", ["   ", "\u3000\u3000", "\t\n "])
async def test_a_name_of_blanks_is_no_name(door: Callable[[str], Any], blank: str) -> None:
    clerk = door("projects").client_as("village_clerk")
    answer = await clerk.post("/projects", json={**PROJECT, "name": blank})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/name"


@pytest.mark.parametrize("title", ["  ", "\u200b\u200b", "a\u0000b", "资金\u202e金资"])
async def test_a_title_of_a_source_is_seen(door: Callable[[str], Any], title: str) -> None:
    bureau = door("funds").client_as("finance")
    answer = await bureau.post(
        "/funds/sources",
        json={
            "title": title,
            "document_no": "甘财农〔2024〕7号",
            "amount": "100000.00",
            "region": "620602000000",
            "level": "province",
            "year": 2024,
            "received_on": "2024-03-01",
        },
    )

    assert answer.status_code == 422
    assert "/title" in [one["pointer"] for one in answer.json()["errors"]]


def test_every_app_is_looked_at() -> None:
    apps: dict[str, FastAPI] = build_apps()
    routes = [
        route
        for app in apps.values()
        for context in iter_route_contexts(app.routes)
        if isinstance(route := context.original_route, APIRoute)
    ]

    assert len(routes) > 300
