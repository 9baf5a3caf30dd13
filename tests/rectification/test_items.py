"""The rectification ledger (整改台账) over HTTP: from the problem that was found to its closing by another person."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from services.rectification.items.lifecycle import ITEM
from shared.db import new_id
from tests.assets.factories_assets import AssetScenario
from tests.clients import DISTRICT, TOWN, VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.legal_moves import list_deviations
from tests.papers import find_unprinted_characters, read_page_sizes, read_paper
from tests.sample_files import build_picture

ITEMS = "/rectification/items"
PROBLEM = {
    "source": "state_evaluation",
    "document_no": "甘后评〔2024〕3号",
    "number": "7",
    "found_on": "2024-05-10",
    "category": "funds",
    "problem": "2个项目资金支付进度慢, 涉及资金138.6万元",
    "amount_found": "1386000.00",
    "leader": "区委副书记",
    "unit": "区农业农村局",
    "person": "赵样甲",
    "due_on": "2024-06-30",
    "measures": [
        {"no": 1, "text": "督促加快支付", "due_on": "2024-06-20"},
        {"no": 2, "text": "健全周调度制度", "term": "ongoing"},
    ],
}


class Ledger:
    """The people of a town and the district, and what they do with one item."""

    def __init__(self, door: Callable[[str], ServiceUnderTest]) -> None:
        service = door("rectification")
        self.bureau = service.client_as("bureau", person="bureau-a")
        self.second = service.client_as("bureau", person="bureau-b")
        self.town = service.client_as("town_officer", person="town-a")
        self.checker = service.client_as("town_officer", person="town-b")
        self.line = service.client_as("line_bureau", person="line-a")
        self.clerk = service.client_as("village_clerk", person="clerk")

    async def enter(self, region: str = VILLAGE, **changes: Any) -> dict[str, Any]:
        """Enter the problem."""
        answer = await self.bureau.post(ITEMS, json=PROBLEM | {"region": region} | changes)
        assert answer.status_code == 201, answer.text
        item: dict[str, Any] = answer.json()
        return item

    async def act(self, who: httpx.AsyncClient, item_id: str, action: str, **body: Any) -> httpx.Response:
        """Take an action on the item as it stands."""
        tag = (await who.get(f"{ITEMS}/{item_id}")).headers["ETag"]
        return await who.post(f"{ITEMS}/{item_id}/{action}", json=body, headers={"If-Match": tag})

    async def must(self, who: httpx.AsyncClient, item_id: str, action: str, **body: Any) -> dict[str, Any]:
        """Take an action that succeeds."""
        answer = await self.act(who, item_id, action, **body)
        assert answer.status_code == 200, answer.text
        item: dict[str, Any] = answer.json()
        return item

    async def photo(self, who: httpx.AsyncClient) -> str:
        """Upload another picture."""
        answer = await who.post(
            "/rectification/files",
            params={"name": "现场.jpg"},
            headers={"Content-Type": "image/jpeg"},
            content=build_picture(),
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def finish(self, item_id: str) -> None:
        """Claim, put right, report and ask for closing, as the town."""
        await self.must(self.town, item_id, "claim")
        report = {
            "month": "2024-05",
            "text": "已支付138.6万元",
            "measures": [{"no": 1, "result": "已支付", "percent": 100}],
            "amount_corrected": "1386000.00",
            "file_ids": [await self.photo(self.town)],
        }
        answer = await self.town.post(f"{ITEMS}/{item_id}/progress", json=report)
        assert answer.status_code == 201, answer.text
        await self.must(self.town, item_id, "request", mechanism="每周调度支付进度", people_held=0)


@pytest.fixture
def ledger(door: Callable[[str], ServiceUnderTest]) -> Ledger:
    """The people who keep the ledger."""
    return Ledger(door)


def test_legal_moves_are_those_of_the_practice() -> None:
    # 待认领 → 整改中 → 申请销号 → 镇核 → 部门核 → 县核(现场) → 已销号 → 回头看 (合格 or 反弹 → 整改中).
    assert not list_deviations(
        ITEM,
        """
        entered       claim           rectifying
        entered       cancel          cancelled
        rectifying    request         requested
        requested     town_check      town_checked
        requested     town_send_back  rectifying
        requested     check_county    checked
        requested     send_back       rectifying
        town_checked  check           checked
        town_checked  send_back       rectifying
        checked       close           closed
        checked       send_back       rectifying
        closed        confirm         confirmed
        closed        rebound         rectifying
        confirmed     rebound         rectifying
        """,
    )


async def test_a_problem_is_put_right_checked_closed_and_looked_back_at(ledger: Ledger) -> None:
    item = (await ledger.enter())["id"]
    await ledger.finish(item)
    assert (await ledger.act(ledger.town, item, "town_check")).status_code == 403, "nobody checks their own"
    await ledger.must(ledger.checker, item, "town_check")
    await ledger.must(ledger.line, item, "check")
    refused = await ledger.act(ledger.second, item, "close", closing_no="凉整改〔2024〕1号")
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["pointer"] == "/visited_on"
    visit = {
        "visited_on": "2024-05-20",
        "visitors": "王某、李某",
        "file_ids": [await ledger.photo(ledger.bureau)],
    }
    closed = await ledger.must(ledger.second, item, "close", closing_no="凉整改〔2024〕1号", **visit)
    assert (closed["state"], closed["closed_on"], closed["percent"]) == ("closed", "2024-05-20", 50)
    confirmed = await ledger.must(ledger.second, item, "confirm", **visit)
    assert confirmed["looked_back_on"] == "2024-05-20"
    again = await ledger.must(ledger.second, item, "rebound", reason="又停了", due_on="2024-07-31")
    assert (again["state"], again["rebounds"], again["due_on"]) == ("rectifying", 1, "2024-07-31")
    assert [one["percent"] for one in again["measures"]] == [0, 0]


async def test_closing_needs_finished_measures_evidence_and_the_amount(ledger: Ledger) -> None:
    item = (await ledger.enter())["id"]
    await ledger.must(ledger.town, item, "claim")
    refused = await ledger.act(ledger.town, item, "request")
    assert {error["code"] for error in refused.json()["errors"]} == {
        "measures_open",
        "no_evidence",
        "amount_open",
    }
    await ledger.town.post(
        f"{ITEMS}/{item}/progress",
        json={"month": "2024-05", "text": "已办", "measures": [{"no": 1, "result": "好", "percent": 100}]},
    )
    photo = await ledger.photo(ledger.town)
    done = await ledger.must(ledger.town, item, "request", reason="其余资金已收回", file_ids=[photo])
    assert done["state"] == "requested"


async def test_an_item_of_the_county_skips_the_town(ledger: Ledger) -> None:
    item = (await ledger.enter(DISTRICT, amount_found=None, measures=[PROBLEM["measures"][1]]))["id"]
    assert (await ledger.town.get(f"{ITEMS}/{item}")).status_code == 404, "not the town's"
    await ledger.must(ledger.line, item, "claim")
    photo = await ledger.photo(ledger.bureau)
    await ledger.must(ledger.line, item, "request", file_ids=[photo])
    assert (await ledger.act(ledger.line, item, "check_county")).status_code == 403
    assert (await ledger.must(ledger.bureau, item, "check_county"))["state"] == "checked"


async def test_an_item_of_a_town_is_not_checked_without_the_town(ledger: Ledger) -> None:
    item = (await ledger.enter())["id"]
    await ledger.finish(item)
    refused = await ledger.act(ledger.line, item, "check_county")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "of_town")


async def test_who_puts_it_right_plans_the_measures_before_claiming(ledger: Ledger) -> None:
    item = (await ledger.enter(measures=[], unit="", person="", due_on=None))["id"]
    refused = await ledger.act(ledger.clerk, item, "claim")
    assert {error["pointer"] for error in refused.json()["errors"]} == {"/unit", "/due_on"}
    tag = (await ledger.clerk.get(f"{ITEMS}/{item}")).headers["ETag"]
    plan = {name: PROBLEM[name] for name in ("unit", "person", "due_on", "measures")}
    changed = await ledger.clerk.patch(f"{ITEMS}/{item}", json=plan, headers={"If-Match": tag})
    assert changed.status_code == 200, changed.text
    assert (await ledger.must(ledger.clerk, item, "claim"))["state"] == "rectifying"
    unversioned = await ledger.clerk.patch(f"{ITEMS}/{item}", json=plan)
    assert unversioned.status_code == 428


async def test_a_number_stands_once_in_a_document(ledger: Ledger) -> None:
    body = PROBLEM | {"region": VILLAGE, "id": str(new_id())}
    first = await ledger.bureau.post(ITEMS, json=body)
    again = await ledger.bureau.post(ITEMS, json=body)
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 201, body["id"])
    other = await ledger.bureau.post(
        ITEMS, json=body | {"id": str(new_id()), "document_no": "甘后评(2024)3号"}
    )
    assert other.status_code == 409, "brackets of another width are the same document"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"found_on": "2024-05-21"}, "/found_on"),
        ({"measures": [{"no": 1, "text": "没有日期"}]}, "/measures/0"),
        ({"measures": [{"no": 1, "text": "一条", "term": "ongoing"}] * 2}, ""),
        ({"problem": "　　　　"}, "/problem"),
        ({"source": "rumour"}, "/source"),
    ],
)
async def test_bad_entries_are_refused_with_the_field(
    ledger: Ledger, change: dict[str, Any], pointer: str
) -> None:
    refused = await ledger.bureau.post(ITEMS, json=PROBLEM | {"region": VILLAGE} | change)
    assert refused.status_code == 422
    assert [error.get("pointer", "") for error in refused.json()["errors"]] == [pointer]


async def test_progress_of_a_measure_that_is_not_there_is_refused(ledger: Ledger) -> None:
    item = (await ledger.enter())["id"]
    await ledger.must(ledger.town, item, "claim")
    body = {"month": "2024-05", "text": "已办", "measures": [{"no": 9, "result": "好", "percent": 100}]}
    refused = await ledger.town.post(f"{ITEMS}/{item}/progress", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/measures/0/no")
    ahead = await ledger.town.post(f"{ITEMS}/{item}/progress", json={"month": "2024-06", "text": "提前"})
    assert ahead.json()["errors"][0]["pointer"] == "/month"


async def test_an_alert_of_assets_becomes_one_item(
    ledger: Ledger, doors: SystemUnderTest, clock: Clock
) -> None:
    assets = AssetScenario(doors, doors.service("assets"))
    await assets.create_registered_asset(name="旧厂房", asset_class="operating", subclass="workshop")
    clock.advance(timedelta(days=200))
    await assets.bureau.post("/assets/alerts/sweep")
    (alert, *_) = (await assets.bureau.get("/assets/alerts")).json()["items"]
    wish = {"service": "assets", "alert_id": alert["id"], "category": "assets", "due_on": "2025-01-31"}
    item = await ledger.bureau.post(f"{ITEMS}/from-alert", json=wish)
    assert item.status_code == 201, item.text
    assert (item.json()["region"], item.json()["asset_id"]) == (VILLAGE, alert["asset_id"])
    assert alert["title"] in item.json()["problem"]
    again = await ledger.second.post(f"{ITEMS}/from-alert", json=wish)
    assert again.status_code == 409
    missing = await ledger.bureau.post(f"{ITEMS}/from-alert", json=wish | {"alert_id": str(new_id())})
    assert missing.status_code == 404


async def test_what_is_late_or_silent_raises_alerts(ledger: Ledger, clock: Clock) -> None:
    item = (await ledger.enter())["id"]
    await ledger.enter(number="8")
    await ledger.must(ledger.town, item, "claim")
    clock.advance(timedelta(days=60))
    await ledger.bureau.post("/rectification/alerts/sweep")
    alerts = (await ledger.bureau.get("/rectification/alerts")).json()["items"]
    assert sorted((one["rule"].removeprefix("rectification."), one["subject"] == item) for one in alerts) == [
        ("no_progress", True),
        ("overdue", False),
        ("overdue", True),
        ("unclaimed", False),
    ]


async def test_the_ledger_prints_as_four_lists(ledger: Ledger) -> None:
    await ledger.enter()
    answer = await ledger.bureau.get(f"{ITEMS}/export", params={"region": DISTRICT})
    assert answer.status_code == 200
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert book.sheet_names == ["问题清单", "责任清单", "时限清单", "任务清单"]
    tasks = book.get_sheet_by_name("任务清单").to_python()
    assert [row[-3] for row in tasks if row[0] in (1, 1.0)] != []
    assert sum("督促加快支付" in row for row in tasks) == 1
    assert any("长期坚持" in row for row in tasks)
    paper = await ledger.bureau.get(f"{ITEMS}/export", params={"region": DISTRICT, "form": "pdf"})
    text = read_paper(paper.content)
    assert all(f"台账:{name}清单" in text for name in ("问题", "责任", "时限", "任务"))
    assert set(read_page_sizes(paper.content)) == {(1191, 842)}
    assert find_unprinted_characters(paper.content) == set()
    nothing = await ledger.bureau.get(f"{ITEMS}/export", params={"region": DISTRICT, "since": "2024-05-11"})
    book = CalamineWorkbook.from_filelike(io.BytesIO(nothing.content))
    assert not any("督促加快支付" in row for row in book.get_sheet_by_name("任务清单").to_python())


async def test_the_summary_counts_closed_late_and_money(ledger: Ledger, clock: Clock) -> None:
    await ledger.enter()
    await ledger.enter(number="8", amount_found=None)
    clock.advance(timedelta(days=60))
    answer = await ledger.bureau.get("/rectification/summary", params={"region": TOWN, "year": 2024})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["count"], found["closed"], found["overdue"]) == (2, 0, 2)
    assert (found["amount_found"], found["closed_percent"]) == ("1386000.00", "0.0")
    assert found["closed_percent_of_towns"] is None
    county = await ledger.bureau.get("/rectification/summary", params={"region": DISTRICT, "year": 2024})
    assert (county.json()["count"], county.json()["closed_percent_of_towns"]) == (2, "0.0")
    other = await ledger.bureau.get("/rectification/summary", params={"region": TOWN, "year": 2023})
    assert other.json()["count"] == 0


async def test_items_wait_for_whoever_may_move_them(ledger: Ledger) -> None:
    await ledger.enter()
    waiting = (await ledger.town.get("http://test/internal/worklist")).json()
    assert any("待认领的整改问题" in str(one) for one in waiting["items"])
