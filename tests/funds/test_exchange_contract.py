"""The exchange keeps its documented promises: one format of times, idempotency keys, methods of an address."""

import asyncio
from typing import Any

import pytest

from tests.clients import DISTRICT
from tests.funds.factories_funds import FundsScenario, expect_ok


def build_row(**changes: str) -> dict[str, str]:
    return {
        "BGT_ID": "B-1",
        "MOF_DIV_CODE": DISTRICT[:9],
        "FISCAL_YEAR": "2024",
        "COR_BGT_DOC_NO": "青财农字〔2024〕81号",
        "BGT_DOC_TITLE": "衔接资金",
        "DOC_DATE": "20240506",
        "BUDGET_LEVEL_CODE": "1",
        "AMOUNT": "1.00",
        "CREATE_TIME": "2024-05-08 09:30:00",
        **changes,
    }


def machine(scenario: FundsScenario) -> Any:
    return scenario.door.client_as("machine", kind="machine")


async def post_rows(client: Any, key: str, *rows: dict[str, str]) -> Any:
    return await client.post(
        "/funds/exchange/bgt-infos", json={"rows": rows}, headers={"Idempotency-Key": key}
    )


async def test_a_key_is_answered_once_and_refused_with_other_rows(scenario: FundsScenario) -> None:
    client = machine(scenario)
    first = expect_ok(await post_rows(client, "k", build_row()))

    again = await post_rows(client, "k", build_row())
    other = await post_rows(client, "k", build_row(BGT_ID="B-2", COR_BGT_DOC_NO="另一号", AMOUNT="2.00"))

    assert (again.json(), again.headers["idempotent-replayed"]) == (first, "true")
    assert other.status_code == 422
    documents = expect_ok(await scenario.auditor.get("/funds/sources"))["items"]
    assert [one["amount"] for one in documents] == ["1.00"]


async def test_a_key_that_is_too_long_is_refused(scenario: FundsScenario) -> None:
    answer = await post_rows(machine(scenario), "k" * 256, build_row())

    assert answer.status_code == 400
    assert expect_ok(await scenario.auditor.get("/funds/sources"))["items"] == []


async def test_of_ten_equal_requests_at_once_one_is_carried_out(scenario: FundsScenario) -> None:
    client = machine(scenario)

    answers = await asyncio.gather(*(post_rows(client, "k", build_row()) for _ in range(10)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(expect_ok(await scenario.auditor.get("/funds/sources"))["items"]) == 1


async def test_times_go_out_as_they_come_in(scenario: FundsScenario) -> None:
    client = machine(scenario)
    expect_ok(await post_rows(client, "k", build_row()))

    (row,) = expect_ok(await client.get("/funds/exchange/bgt-infos"))["items"]

    assert (row["CREATE_TIME"], row["UPDATE_TIME"]) == ("2024-05-20 09:00:00",) * 2, "local, without a zone"
    again = expect_ok(
        await post_rows(
            client, "k2", build_row(BGT_ID="B-3", COR_BGT_DOC_NO="又一号", CREATE_TIME=row["CREATE_TIME"])
        )
    )
    assert again["applied"] == 1


async def test_a_time_with_a_zone_is_a_day_in_china(scenario: FundsScenario) -> None:
    late = build_row(CREATE_TIME="2024-05-08T23:35:19.021803+00:00")
    expect_ok(await post_rows(machine(scenario), "k", late))

    (source,) = expect_ok(await scenario.auditor.get("/funds/sources"))["items"]

    assert source["received_on"] == "2024-05-09"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/funds/plans/{id}/lines", "GET, PUT"),
        ("GET", "/funds/alerts/sweep", ""),
        ("OPTIONS", "/funds/webhooks/{id}", "DELETE, GET, PATCH"),
        ("DELETE", "/funds/exchange/bgt-infos", "GET, POST"),
    ],
)
async def test_an_address_names_all_its_methods(
    scenario: FundsScenario, method: str, path: str, allow: str
) -> None:
    source = await scenario.create_source(1000_00)

    answer = await scenario.finance.request(method, path.replace("{id}", source["id"]))

    assert answer.status_code == 405, answer.text
    assert not allow or answer.headers["allow"] == allow


async def test_a_list_of_fields_has_its_documented_length(scenario: FundsScenario) -> None:
    assert (await scenario.auditor.get(f"/funds/sources?fields={'a' * 501}")).status_code == 400
    assert (await scenario.auditor.get(f"/funds/sources?fields={'a' * 500}")).status_code == 200
