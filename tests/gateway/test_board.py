"""The notice board: pages without sign-in and without script, and what a villager can do on them."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.db import new_id
from shared.notices.receipt import format_receipt_number, parse_receipt_number
from tests.assets.factories_assets import AssetScenario
from tests.clients import VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import ProjectScenario, expect_success

MAX_PAGE_BYTES = 50_000
BOARD = "http://test"


@pytest.fixture
def villager(door: Callable[[str], ServiceUnderTest]) -> httpx.AsyncClient:
    return door("gateway").anonymous_client()


@pytest.fixture
def steps(doors: SystemUnderTest, clock: Clock) -> ProjectScenario:
    return ProjectScenario(doors, clock)


async def post_notice(steps: ProjectScenario, name: str = "新店村水渠") -> Any:
    project = await steps.create_declared(name=name)
    return await steps.post_notice(steps.clerk, project, "village", wait=False)


def notice_address(notice: Any) -> str:
    return f"{BOARD}/notices/projects/{notice['id']}"


async def object_to(villager: httpx.AsyncClient, notice: Any, text: str, form_id: str = "") -> httpx.Response:
    form = {"text": text, "about": "", "form_id": form_id or str(new_id())}
    return await villager.post(notice_address(notice), data=form)


async def test_a_notice_is_found_by_the_name_of_its_village(
    villager: httpx.AsyncClient, steps: ProjectScenario, door: Callable[[str], ServiceUnderTest]
) -> None:
    await post_notice(steps)
    region = expect_success(await door("identity").client_as("bureau").get(f"/regions/{VILLAGE}"))

    found = await villager.get(f"{BOARD}/", params={"place": region["name"]})
    choice = re.findall(rf"/\?region={VILLAGE}", found.text)
    page = await villager.get(f"{BOARD}/", params={"region": VILLAGE}) if choice else found
    elsewhere = await villager.get(f"{BOARD}/", params={"region": "620602101000"})
    nowhere = await villager.get(f"{BOARD}/", params={"place": "没有这个村"})

    assert "新店村水渠" in page.text
    assert "新店村水渠" not in elsewhere.text
    assert "没有叫“没有这个村”的地方" in nowhere.text


async def test_the_list_is_narrowed_by_kind_year_and_words(
    villager: httpx.AsyncClient, steps: ProjectScenario
) -> None:
    await post_notice(steps, "新店村水渠")
    await post_notice(steps, "新店村道路")

    async def titles(**query: str) -> set[str]:
        page = await villager.get(f"{BOARD}/", params=query)
        return set(re.findall(r"新店村(?:水渠|道路)", page.text))

    assert await titles(q="水渠") == {"新店村水渠"}
    assert await titles(level="village") == {"新店村水渠", "新店村道路"}
    assert await titles(level="allocation") == set()
    assert await titles(year="2024") == {"新店村水渠", "新店村道路"}
    assert await titles(year="2023") == set()


async def test_a_page_is_small_and_carries_no_script(
    villager: httpx.AsyncClient, steps: ProjectScenario
) -> None:
    notice = await post_notice(steps)
    for address in ("/", f"/notices/projects/{notice['id']}", "/objections", "/targets", "/labels"):
        page = await villager.get(f"{BOARD}{address}")
        assert page.status_code == 200, page.text
        assert len(page.content) < MAX_PAGE_BYTES
        assert "<script" not in page.text
        assert "style=" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]


async def test_a_notice_shows_what_was_published_with_labels(
    villager: httpx.AsyncClient, steps: ProjectScenario
) -> None:
    page = await villager.get(notice_address(await post_notice(steps)))

    for words in ("实施地点", "黄羊镇新店村三组", "1,200,000.00元", "公示中，还有9天", "提出异议"):
        assert words in page.text
    assert "13812341234" not in page.text


async def test_a_villager_objects_and_reads_the_answer_by_the_number(
    villager: httpx.AsyncClient, steps: ProjectScenario
) -> None:
    notice = await post_notice(steps)

    sent = await object_to(villager, notice, "水渠从我家地里过, 没有跟我商量")
    assert sent.status_code == 303
    number = httpx.URL(sent.headers["location"]).params["number"]
    receipt = await villager.get(f"{BOARD}{sent.headers['location']}")
    assert number in receipt.text
    assert "正在核实" in receipt.text
    assert "有异议正在核实" in (await villager.get(notice_address(notice))).text

    read = expect_success(await steps.town.get(f"/projects/notices/{notice['id']}"))
    answer = {"answer": "已与您协商改线", "upheld": False}
    objection = read["objections"][0]
    expect_success(
        await steps.town.post(
            f"/projects/notices/{notice['id']}/objections/{objection['id']}/answer", json=answer
        )
    )
    answered = await villager.get(f"{BOARD}/objections", params={"number": number.lower().replace("-", " ")})
    assert "已与您协商改线" in answered.text


async def test_an_objection_stops_the_project_until_it_is_answered(
    villager: httpx.AsyncClient, steps: ProjectScenario, clock: Clock
) -> None:
    notice = await post_notice(steps)
    await object_to(villager, notice, "这个项目去年已经修过")
    clock.advance(timedelta(days=10))

    refused = await steps.clerk.post(f"/projects/{notice['subject']}/forward", json={})
    assert refused.status_code == 409
    assert "有未处理异议" in refused.text


async def test_the_same_form_sent_twice_is_one_objection(
    villager: httpx.AsyncClient, steps: ProjectScenario
) -> None:
    notice = await post_notice(steps)
    form_id = str(new_id())
    first = await object_to(villager, notice, "这个项目去年已经修过", form_id)
    second = await object_to(villager, notice, "这个项目去年已经修过", form_id)

    assert first.headers["location"] == second.headers["location"]
    assert len(expect_success(await steps.town.get(f"/projects/notices/{notice['id']}"))["objections"]) == 1


async def test_objections_of_one_sender_are_limited(
    villager: httpx.AsyncClient, steps: ProjectScenario
) -> None:
    notice = await post_notice(steps)
    answers = [await object_to(villager, notice, f"第{number}件意见") for number in range(6)]

    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    assert "第5件意见" in answers[-1].text
    assert "12317" in answers[-1].text


async def test_too_short_a_text_is_named_and_kept(
    villager: httpx.AsyncClient, steps: ProjectScenario
) -> None:
    answer = await object_to(villager, await post_notice(steps), "不行")

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "至少 4 个字" in answer.text
    assert ">不行</textarea>" in answer.text


async def test_after_the_period_the_form_is_gone_and_refused(
    villager: httpx.AsyncClient, steps: ProjectScenario, clock: Clock
) -> None:
    notice = await post_notice(steps)
    clock.advance(timedelta(days=10))

    assert "<textarea" not in (await villager.get(notice_address(notice))).text
    assert (await object_to(villager, notice, "来晚了的意见")).status_code == 409


async def test_a_wrong_number_and_a_wrong_address_have_a_page(villager: httpx.AsyncClient) -> None:
    wrong = await villager.get(f"{BOARD}/objections", params={"number": "7F3K-9QXM-2B4D"})
    missing = await villager.get(f"{BOARD}/notices/projects/{new_id()}")
    board = await villager.get(f"{BOARD}/notices/nothing/{new_id()}")

    assert (wrong.status_code, missing.status_code, board.status_code) == (404, 404, 404)
    assert "没有这个编号的异议" in wrong.text
    assert "没有这个公示" in missing.text


async def test_a_missing_service_is_named_on_the_list(
    villager: httpx.AsyncClient,
    steps: ProjectScenario,
    doors: SystemUnderTest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await post_notice(steps)
    monkeypatch.delitem(doors.apps, "funds")
    page = await villager.get(f"{BOARD}/")

    assert "暂时缺资金服务的内容" in page.text
    assert "新店村水渠" in page.text


async def test_large_type_is_kept_on_the_device(villager: httpx.AsyncClient) -> None:
    switched = await villager.get(f"{BOARD}/type", params={"size": "large", "back": "/targets"})
    outside = await villager.get(f"{BOARD}/type", params={"size": "large", "back": "//evil.example"})

    assert switched.headers["location"] == "/targets"
    assert outside.headers["location"] == "/"
    assert 'data-type="large"' in (await villager.get(f"{BOARD}/")).text


async def test_a_repair_is_reported_behind_the_label_without_script(
    villager: httpx.AsyncClient, doors: SystemUnderTest, door: Callable[[str], ServiceUnderTest]
) -> None:
    asset = await AssetScenario(doors, door("assets")).create_registered_asset(name="新店村水井")
    found = await villager.get(f"{BOARD}/labels", params={"code": asset["code"].lower()})
    assert found.headers["location"] == f"/labels/{asset['code']}"
    assert "新店村水井" in (await villager.get(f"{BOARD}{found.headers['location']}")).text

    form = {"text": "水泵不出水", "contact": "", "form_id": str(new_id())}
    sent = await villager.post(f"{BOARD}/labels/{asset['code']}", data=form)
    again = await villager.post(f"{BOARD}/labels/{asset['code']}", data=form)
    wrong = await villager.post(f"{BOARD}/labels/{asset['code']}", data={**form, "contact": "abc"})

    assert sent.headers["location"] == again.headers["location"]
    assert "报修已收到" in (await villager.get(f"{BOARD}{sent.headers['location']}")).text
    assert wrong.status_code == 422
    assert "水泵不出水" in wrong.text


def test_a_receipt_number_is_read_as_people_write_it() -> None:
    identifier = new_id()
    number = format_receipt_number(identifier)
    for written in (
        number,
        number.lower(),
        number.replace("-", ""),
        number.replace("0", "O").replace("1", "l"),
    ):
        parsed = parse_receipt_number(written)
        assert parsed is not None
        assert parsed.matches(identifier)
    for other in ("", "7F3K", "7F3K-9QXM-2B4U", "7F3K-9QXM-2B4DD"):
        assert parse_receipt_number(other) is None
