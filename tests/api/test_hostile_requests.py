"""Requests made to break whoever reads them are refused in Chinese, by a problem whose pointers lead into the request."""

import base64
import json
from typing import Any

import httpx
import pytest

from tests.clients import SystemUnderTest

PROJECT = {
    "name": "黄羊镇供水管网延伸",
    "category": "3.1.4",
    "year": 2024,
    "region": "620602100201",
    "total": "500000.00",
}
JSON = {"content-type": "application/json"}
DEEP = "[" * 3000 + "]" * 3000


@pytest.fixture
def clerk(doors: SystemUnderTest) -> httpx.AsyncClient:
    return doors.service("projects").client_as("village_clerk")


def encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "content",
    [
        DEEP,
        f'{{"name": "供水\\u200b", "content": {DEEP}}}',
        f'{{"name": "13812341234 62282345678901234", "content": {DEEP}}}',
        f'{{"name": "供水", "content": {"[" * 101 + "]" * 101}}}',
        '{"name": "供水", "total": NaN}',
        '{"name": "供水", "total": 1e999}',
        '{"name": "供水"',
    ],
)
async def test_a_text_that_is_no_json_is_refused_as_a_whole(clerk: httpx.AsyncClient, content: str) -> None:
    answer = await clerk.post("/projects", content=content.encode(), headers=JSON)

    assert answer.status_code == 400, answer.text
    assert [(one["code"], one.get("pointer", "")) for one in answer.json()["errors"]] == [
        ("json_invalid", "")
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "gb18030"])
async def test_a_number_is_not_hidden_by_another_encoding(clerk: httpx.AsyncClient, encoding: str) -> None:
    text = json.dumps({**PROJECT, "content": "联系人 13812341234"}, ensure_ascii=False)
    answer = await clerk.post("/projects", content=text.encode(encoding), headers=JSON)

    assert answer.status_code == 400, answer.text
    assert "UTF-8" in answer.json()["detail"]


@pytest.mark.parametrize("header", ["[" * 9000, "[]", "9" * 5000])
async def test_a_token_whose_header_cannot_be_read_is_none(doors: SystemUnderTest, header: str) -> None:
    token = f"{encode(header)}.{encode('{}')}.x"
    client = doors.service("projects").anonymous_client()
    answer = await client.get("/projects", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401, answer.text


@pytest.mark.parametrize("version", ["9" * 5000, "٣", "-1", "\u00b2"])
async def test_a_version_that_no_record_has_does_not_match(clerk: httpx.AsyncClient, version: str) -> None:
    made = (await clerk.post("/projects", json=PROJECT)).json()
    headers = {b"If-Match": f'"{version}"'.encode()}
    answer = await clerk.patch(f"/projects/{made['id']}", json={"name": "供水"}, headers=headers)

    assert answer.status_code == 412, answer.text


@pytest.mark.parametrize("cursor", ["[" * 700, "[" * 300 + "]" * 300, '["-created_at", NaN, "x"]'])
async def test_a_cursor_that_cannot_be_read_is_none(clerk: httpx.AsyncClient, cursor: str) -> None:
    answer = await clerk.get("/projects", params={"cursor": encode(cursor)})

    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [({"total": "1" * 30 + ".00"}, "/total"), ({"year": 10**30}, "/year"), ({"year": 2024.5}, "/year")],
)
async def test_a_number_out_of_bounds_is_refused_in_chinese(
    clerk: httpx.AsyncClient, fields: dict[str, Any], pointer: str
) -> None:
    answer = await clerk.post("/projects", json={**PROJECT, **fields})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert not any(word.isascii() and word.isalpha() for word in error["detail"].split())
