"""Accounts from a table: rows are checked as people write them, first passwords are printed once and changed at sign-in."""

from collections.abc import Sequence

import httpx
import pytest

from shared.spreadsheets import Column, build_workbook
from tests.clients import SystemUnderTest
from tests.identity.factories_identity import TOWN, VILLAGE, bearer_header, request_token, sign_in
from tests.papers import find_unprinted_characters, read_paper

HEADS = ("姓名", "角色", "乡镇", "村", "单位", "用户名")
ROWS = [
    ("王建国", "村文书", "黄羊镇", "黄羊村", "", ""),
    ("王建国", "驻村干部", "黄羊", "黄羊村委会", "", "wang.jg"),
    ("李明", "镇项目专干", "黄羊镇", "", "", ""),
    ("赵县长", "领导", "", "", "", ""),
]


@pytest.fixture
def admin(doors: SystemUnderTest) -> httpx.AsyncClient:
    return doors.service("identity").client_as("admin")


def build_table(rows: Sequence[tuple[str, ...]]) -> bytes:
    columns = [Column(f"c{at}", head) for at, head in enumerate(HEADS)]
    return build_workbook(columns, [{f"c{at}": cell for at, cell in enumerate(row)} for row in rows])


async def test_accounts_are_opened_by_a_table_and_change_their_first_password(
    admin: httpx.AsyncClient, doors: SystemUnderTest
) -> None:
    tried = await admin.post("/users/imports", params={"dry_run": True}, content=build_table(ROWS))
    opened = (await admin.post("/users/imports", content=build_table(ROWS))).json()
    again = (await admin.post("/users/imports", content=build_table(ROWS))).json()
    anyone = doors.service("identity").anonymous_client()
    first = opened["accounts"][0]
    tokens = bearer_header(await sign_in(anyone, first["id"], first["password"]))
    before = (await anyone.get("/auth/me", headers=tokens)).json()
    changed = await anyone.post(
        "/auth/password", headers=tokens, json={"old": first["password"], "new": "Hexi-Corridor-71"}
    )

    assert tried.json()["created"] == 0
    assert [one["password"] for one in tried.json()["accounts"]] == [""] * 4
    assert [one["id"] for one in opened["accounts"]] == ["wangjianguo", "wang.jg", "liming", "zhaoxianzhang"]
    assert [one["region"] for one in opened["accounts"]] == [VILLAGE, VILLAGE, TOWN, "620602000000"]
    assert (before["must_change"], before["grants"]) == (True, [])
    assert changed.status_code == 204
    assert (again["created"], again["known"]) == (0, 4)


async def test_slips_are_printed_once_and_anew_only_for_who_never_signed_in(
    admin: httpx.AsyncClient, doors: SystemUnderTest
) -> None:
    paper = await admin.post("/users/imports", params={"form": "pdf"}, content=build_table(ROWS[:2]))
    text = read_paper(paper.content)
    renewed = (
        await admin.post("/users/slips", params={"form": "json"}, json={"accounts": ["wang.jg"]})
    ).json()
    anyone = doors.service("identity").anonymous_client()
    old = text.split("用户名：wang.jg首次口令：")[1][:19]
    refused = await request_token(anyone, username="wang.jg", password=old)
    tokens = bearer_header(await sign_in(anyone, "wang.jg", renewed[0]["password"]))
    await anyone.post(
        "/auth/password", headers=tokens, json={"old": renewed[0]["password"], "new": "Hexi-Corridor-71"}
    )
    late = await admin.post("/users/slips", json={"accounts": ["wang.jg"]})

    assert paper.headers["cache-control"] == "no-store"
    assert "姓名：王建国村文书" in text
    assert "首次登录须改口令" in text
    assert find_unprinted_characters(paper.content) == set()
    assert refused.status_code == 400
    assert late.status_code == 409
    assert "wang.jg" in late.json()["detail"]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (("王建国", "村文书", "黄羊镇", "", "", ""), "村"),
        (("王建国", "镇项目专干", "", "", "", ""), "乡镇"),
        (("王建国", "村文书", "黄羊镇", "没有村", "", ""), "村"),
        (("王建国", "系统管理员", "", "", "", ""), "角色"),
        (("王建国", "书记", "黄羊镇", "黄羊村", "", ""), "角色"),
        (("王建国", "领导", "", "", "没有的局", ""), "单位"),
        (("王建国", "领导", "", "", "", "finance"), "用户名"),
        (("王", "领导", "", "", "", ""), "姓名"),
    ],
)
async def test_a_wrong_row_names_its_column_and_nothing_is_opened(
    admin: httpx.AsyncClient, row: tuple[str, ...], column: str
) -> None:
    table = build_table([row, ROWS[3]])
    told = (await admin.post("/users/imports", params={"dry_run": True}, content=table)).json()
    refused = await admin.post("/users/imports", content=table)
    page = (await admin.get("/users", params={"q": "赵县长"})).json()

    assert [one["result"] for one in told["accounts"]] == ["wrong", "new"]
    assert told["accounts"][0]["faults"][0].startswith(f"{column}: ")
    assert refused.status_code == 422
    assert page["items"] == []


async def test_an_administrator_of_a_town_opens_accounts_of_that_town_only(doors: SystemUnderTest) -> None:
    admin = doors.service("identity").client_as("admin", "620602101000")
    refused = await admin.post("/users/imports", content=build_table(ROWS[:1]))

    assert refused.status_code == 422
    assert "不在您的辖区" in refused.text
