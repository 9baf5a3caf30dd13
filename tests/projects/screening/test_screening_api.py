"""Trial screening over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients import ServiceUnderTest

GetService = Callable[[str], ServiceUnderTest]
FINDING_FIELDS = {"family", "rule", "item", "basis", "severity", "matches", "explanation", "advice"}


async def test_a_screening_response_has_the_documented_fields(door: GetService) -> None:
    content = "拟修建村委会办公楼一栋"
    body: dict[str, Any] = {
        "name": "阵地提升",
        "content": content,
        "category": "3.3.6",
        "amount": "500000.00",
    }
    body |= {"fund_type": "central", "year": 2024, "region": "620602100201"}
    answer = await door("projects").client_as("village_clerk").post("/projects/screenings", json=body)
    assert answer.status_code == 200
    screening = answer.json()
    assert set(screening) == {"verdict", "findings"}
    assert screening["verdict"] == "block"
    for finding in screening["findings"]:
        assert set(finding) == FINDING_FIELDS
        assert finding["family"] == "negative_list"
        assert "@" in finding["rule"]
        for match in finding["matches"]:
            assert set(match) == {"field", "text", "start", "end"}
            assert body[match["field"]][match["start"] : match["end"]] == match["text"]


async def test_an_ordinary_text_is_clear_and_readiness_is_not_screened(door: GetService) -> None:
    body = {"name": "蔬菜大棚建设", "content": "新建大棚42座", "category": "1.1.1"}
    answer = await door("projects").client_as("auditor").post("/projects/screenings", json=body)
    assert answer.json() == {"verdict": "clear", "findings": []}


async def test_trying_stores_nothing(door: GetService) -> None:
    bureau = door("projects").client_as("bureau")
    before = (await bureau.get("/projects/events", params={"after": ""})).json()
    await bureau.post("/projects/screenings", json={"name": "购置公务车"})
    assert (await bureau.get("/projects/events", params={"after": ""})).json() == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "甲", "content": "字" * 20_001}, "/content"),
        ({"name": "甲", "amount": 5}, "/amount"),
        ({"name": "甲", "region": "62"}, "/region"),
        ({"name": "甲", "year": "去年"}, "/year"),
    ],
)
async def test_an_invalid_subject_is_refused_with_a_pointer(
    door: GetService, body: dict[str, Any], pointer: str
) -> None:
    answer = await door("projects").client_as("bureau").post("/projects/screenings", json=body)
    assert answer.status_code == 422
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


async def test_screening_requires_a_login(door: GetService) -> None:
    answer = await door("projects").anonymous_client().post("/projects/screenings", json={"name": "甲"})
    assert answer.status_code == 401
