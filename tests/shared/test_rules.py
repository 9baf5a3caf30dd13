"""Rules: typed values, checked files, and a district's own versions through the door."""

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from shared.rules import RuleCache, RuleKey, RuleRegistry, RuleValue, check_rule_files, read_rule_files
from shared.settings import StartupError
from tests.clients import SystemUnderTest


class Limits(RuleValue):
    """Shape of the rules of these tests."""

    days: Annotated[int, Field(ge=1, le=30)] = Field(title="天数")


LIMITS = RuleKey[Limits]("some.limits", Limits)


def _entry(**changes: Any) -> dict[str, Any]:
    return {
        "key": "some.limits",
        "title": "某项限制",
        "value": {"days": 3},
        "effective_from": "2020-01-01",
        "basis": "某文件",
        "confirmed": True,
        **changes,
    }


def _check(folder: Path, **files: Any) -> None:
    for name, entries in files.items():
        (folder / f"{name}.json").write_text(json.dumps(entries), "utf-8")
    check_rule_files(RuleRegistry([LIMITS]), read_rule_files(folder))


def test_sound_files_are_accepted(tmp_path: Path) -> None:
    _check(
        tmp_path,
        a=[
            _entry(effective_to="2020-12-31"),
            _entry(effective_from="2021-01-01"),
            _entry(region="620602000000"),
        ],
    )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a": [_entry()], "b": [_entry(effective_from="2021-01-01")]}, "规则 some.limits 定义了两次"),
        ({"a": [_entry(), _entry(effective_from="2021-01-01")]}, "规则 some.limits 定义了两次"),
        ({"a": [_entry(value={"days": 31})]}, "/days 不得大于 30"),
        ({"a": [_entry(value={"days": "3"})]}, "/days 应为整数"),
        ({"a": [_entry(value={})]}, "/days 必填"),
        ({"a": [_entry(value={"days": 3, "more": 1})]}, "/more 没有这个字段"),
        ({"a": [_entry(), _entry(key="other.rule")]}, "other.rule 没有登记形状"),
        ({"a": []}, "规则 some.limits 没有写在规则文件里"),
        ({"a": [_entry(effective_to="2019-12-31")]}, "失效日期早于生效日期"),
        ({"a": [_entry(basis="")]}, "规则文件 a.json 有误: /basis"),
    ],
)
def test_a_start_stops_with_one_sentence(tmp_path: Path, files: dict[str, Any], words: str) -> None:
    with pytest.raises(StartupError) as stopped:
        _check(tmp_path, **files)
    assert words in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_a_file_that_is_no_json_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[", "utf-8")
    with pytest.raises(StartupError, match=r"a\.json 不是 JSON"):
        read_rule_files(tmp_path)


def test_a_key_declared_twice_stops_the_start() -> None:
    with pytest.raises(StartupError, match=r"some\.limits 登记了两次"):
        RuleRegistry([LIMITS, RuleKey[Limits]("some.limits", Limits)])


async def test_a_rule_that_the_service_does_not_list_is_refused(doors: SystemUnderTest) -> None:
    context = doors.service("funds").context
    async with context.database.read() as session:
        with pytest.raises(LookupError, match=r"some\.limits"):
            await RuleCache(RuleRegistry()).get_rule(
                session, LIMITS, date(2024, 1, 1), "620602000000", context.clock()
            )


def _hotline(**changes: Any) -> dict[str, Any]:
    return {
        "key": "plan.break_down_days",
        "title": "指标分解下达时限",
        "value": {"effect": "report", "days": 20},
        "effective_from": "2030-01-01",
        "region": "620602000000",
        "basis": "凉财发〔2029〕12号",
        "confirmed": True,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"value": {"effect": "report", "days": 0}}, "/value/days"),
        ({"value": {"effect": "none", "days": 20}}, "/value/effect"),
        ({"value": {"effect": "report"}}, "/value/days"),
        ({"value": 20}, "/value"),
        ({"effective_to": "2029-12-31"}, "/effective_to"),
    ],
)
async def test_an_edit_out_of_bounds_points_at_the_field(
    doors: SystemUnderTest, changes: dict[str, Any], pointer: str
) -> None:
    refused = await doors.service("funds").client_as("finance").post("/funds/rules", json=_hotline(**changes))

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert "days" not in refused.json()["errors"][0]["detail"]


async def test_an_unknown_rule_cannot_be_set(doors: SystemUnderTest) -> None:
    refused = await (
        doors.service("funds").client_as("finance").post("/funds/rules", json=_hotline(key="plan.other"))
    )

    assert refused.status_code == 404


async def test_who_sets_a_rule_is_told_what_it_replaces(doors: SystemUnderTest) -> None:
    finance = doors.service("funds").client_as("finance")
    future = (await finance.post("/funds/rules", json=_hotline())).json()
    earlier = (await finance.post("/funds/rules", json=_hotline(effective_from="2029-01-01"))).json()
    past = _hotline(effective_from="2020-01-01", effective_to="2020-12-31")
    told = (await finance.post("/funds/rules", json=past)).json()

    assert future["remarks"] == []
    assert earlier["remarks"] == [f"2030-01-01 起代替第 {future['version']} 版(自 2030-01-01)"]
    assert [remark[:4] for remark in told["remarks"]] == ["生效日期", "有效期已"]


async def test_a_page_draws_the_form_from_the_shape(doors: SystemUnderTest) -> None:
    client = doors.service("funds").client_as("village_clerk")
    shape = (await client.get("/funds/rules/plan.break_down_days/shape")).json()
    days = shape["value_schema"]["properties"]["days"]

    assert (days["title"], days["minimum"], days["maximum"]) == ("收到指标后天数", 1, 365)
    assert (shape["permission"], shape["needs_second_person"]) == ("fund-rule:manage", False)
    assert (await client.get("/funds/rules/plan.other/shape")).status_code == 404


@pytest.mark.parametrize(
    ("service", "key", "holder", "others"),
    [
        ("funds", "plan.break_down_days", "finance", ("bureau", "admin", "security_admin")),
        ("projects", "objection.days_after", "bureau", ("finance", "line_bureau", "town_officer")),
        ("assets", "inspection.radius_m", "bureau", ("finance", "town_officer")),
        ("attendance", "check_in.switches", "bureau", ("finance", "town_officer", "cadre")),
    ],
)
async def test_the_office_that_answers_for_a_rule_changes_it_and_no_other(
    doors: SystemUnderTest, service: str, key: str, holder: str, others: tuple[str, ...]
) -> None:
    one = doors.service(service)
    address = f"/{service}/rules"
    versions = (await one.client_as(holder).get(f"{address}/{key}")).json()
    body = _hotline(key=key, value=versions[-1]["value"])
    refused = [(await one.client_as(role).post(address, json=body)).status_code for role in others]

    assert refused == [403] * len(others)
    assert (await one.client_as(holder).post(address, json=body)).status_code == 201


async def test_a_rule_names_its_document_by_number(doors: SystemUnderTest) -> None:
    finance = doors.service("funds").client_as("finance")
    refused = await finance.post("/funds/rules", json=_hotline(basis="区财政局口头通知"))
    bracketed = await finance.post("/funds/rules", json=_hotline(basis="《通知》(凉财发[2029] 7号)"))

    assert (refused.status_code, bracketed.status_code) == (422, 201)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/basis"]


async def test_a_rule_of_the_past_waits_for_another_person(doors: SystemUnderTest) -> None:
    funds = doors.service("funds")
    finance, second = (funds.client_as("finance", person=name) for name in ("cai.zheng", "fu.he"))
    made = (await finance.post("/funds/rules", json=_hotline(effective_from="2020-01-01"))).json()
    address = f"/funds/rules/{made['key']}/{made['version']}/confirm"
    asked = {"on": "2020-06-01", "prefix": made["key"]}
    before = (await finance.get("/funds/rules", params=asked)).json()
    alone = await finance.post(address)
    elsewhere = await funds.client_as("finance", "620602100000", person="o").post(address)
    other_office = await funds.client_as("bureau", person="o").post(address)
    confirmed = await second.post(address)
    after = (await finance.get("/funds/rules", params=asked)).json()

    assert made["waiting"] is True
    assert [one["version"] for one in before] != [made["version"]]
    assert [one.status_code for one in (alone, elsewhere, other_office, confirmed)] == [403, 404, 403, 200]
    assert [one["version"] for one in after] == [made["version"]]
    assert (confirmed.json()["waiting"], confirmed.json()["seconded_by"]) == (False, "fu.he")
    assert (await second.post(address)).status_code == 409


async def test_a_proposed_version_counts_when_another_person_confirms_it(doors: SystemUnderTest) -> None:
    funds = doors.service("funds")
    finance, second = (funds.client_as("finance", person=name) for name in ("cai.zheng", "fu.he"))
    made = (await finance.post("/funds/rules", params={"propose": True}, json=_hotline())).json()
    address = f"/funds/rules/{made['key']}/{made['version']}/confirm"
    asked = {"on": "2030-06-01", "prefix": made["key"]}
    (before,) = (await finance.get("/funds/rules", params=asked)).json()
    alone, confirmed = await finance.post(address), await second.post(address)
    (after,) = (await finance.get("/funds/rules", params=asked)).json()

    assert (made["waiting"], before["waiting"], before["version"] == made["version"]) == (True, 1, False)
    assert (alone.status_code, confirmed.status_code) == (403, 200)
    assert (after["waiting"], after["version"], after["value"]["days"]) == (0, made["version"], 20)
