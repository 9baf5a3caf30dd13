"""Numbers of people in free text are found on entry, asked about, and masked when the caller says so."""

import json
from typing import Any

import httpx
import pytest

from shared.china.national_ids import id_card_check_character, is_luhn_valid
from shared.china.personal_numbers import find_personal_numbers, mask_personal_numbers
from tests.clients import DISTRICT, VILLAGE, SystemUnderTest
from tests.projects.factories_projects import build_project

CARD = "62230119700101123" + id_card_check_character("62230119700101123")
BANK_CARD = next(card for card in (f"622202123456123{digit}" for digit in range(10)) if is_luhn_valid(card))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"户主张三{CARD}同意", "户主张三622301************同意"),
        (f"{CARD[:6]} {CARD[6:14]} {CARD[14:]}", "622301************"),
        (CARD.translate({ord(str(one)): chr(0xFF10 + one) for one in range(10)}), "622301************"),
        ("电话13812345678", "电话138****5678"),
        ("138-1234-5678或+86 139 1234 5678", "138****5678或139****5678"),
        (f"卡号{BANK_CARD}。", f"卡号6222********{BANK_CARD[-4:]}。"),
    ],
)
def test_a_number_of_a_person_is_found_in_any_writing(text: str, masked: str) -> None:
    assert mask_personal_numbers(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "甘财农〔2024〕13812345678号",
        "合同价13812345678元",
        "合同价 13812345678.00",
        "13,812,345,678",
        "622301197001011231",  # the check digit is wrong
        f"{BANK_CARD[:-1]}{(int(BANK_CARD[-1]) + 1) % 10}",
        "018f6b1e-1381-4234-8678-013812345678",
        "911381234567800000",
        "项目编码5100001148381238",
    ],
)
def test_other_long_numbers_stay(text: str) -> None:
    assert find_personal_numbers(text) == []


@pytest.fixture
def clerk(doors: SystemUnderTest) -> httpx.AsyncClient:
    return doors.service("projects").client_as("village_clerk", VILLAGE)


def _project(**changes: Any) -> dict[str, Any]:
    return build_project(**{"region": VILLAGE, "places": [], **changes})


async def test_free_text_with_a_number_is_asked_about(clerk: httpx.AsyncClient) -> None:
    answer = await clerk.post("/projects", json=_project(content=f"为{CARD}等户硬化道路,联系13812345678"))
    problem = answer.json()

    assert (answer.status_code, problem["type"]) == (422, "/problems/personal-number")
    assert [one["pointer"] for one in problem["errors"]] == ["/content", "/content"]
    assert "mask" in problem["next"]
    assert CARD not in answer.text


async def test_it_is_kept_masked_when_the_caller_says_so(clerk: httpx.AsyncClient) -> None:
    header = {"Personal-Numbers": "mask"}
    made = await clerk.post("/projects", json=_project(content=f"为{CARD}等户硬化道路"), headers=header)
    events = await clerk.get("/projects/events")

    assert made.status_code == 201, made.text
    assert made.json()["content"] == "为622301************等户硬化道路"
    assert CARD not in events.text


async def test_a_field_made_for_a_number_takes_it(doors: SystemUnderTest, clerk: httpx.AsyncClient) -> None:
    made = await clerk.post("/projects", json=_project(leader_phone="13812345678"))

    assert made.status_code == 201, made.text


async def test_a_report_without_login_is_asked_about_too(doors: SystemUnderTest) -> None:
    body = {"text": f"{CARD}反映驻村干部长期不在岗", "region": DISTRICT, "contact": "13812345678"}
    anonymous = doors.service("attendance").anonymous_client()
    answer = await anonymous.post("/attendance/complaints", json=body)

    assert answer.json()["type"] == "/problems/personal-number"
    assert {one["pointer"] for one in answer.json()["errors"]} == {"/text"}


async def test_who_is_not_signed_in_learns_nothing(doors: SystemUnderTest) -> None:
    anonymous = doors.service("projects").anonymous_client()

    assert (await anonymous.post("/projects", json=_project(content=CARD))).status_code == 401


async def test_a_field_given_twice_is_refused(clerk: httpx.AsyncClient) -> None:
    twice = json.dumps(_project()).replace('"name"', '"name": "另一个名称", "name"', 1)
    answer = await clerk.post("/projects", content=twice, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "json_invalid"
