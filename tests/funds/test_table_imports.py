"""Tables of a finance bureau, imported as jobs and compared with their truth."""

import io
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from services.funds.imports.router import IMPORTS
from shared.china import format_yuan
from shared.imports.service import run_next_batch
from tests.clients import DISTRICT, TOWN
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.workbooks import JsonObject, load_workbook

PATH = "/funds/table-imports"


async def post_table(
    who: httpx.AsyncClient, kind: str, content: bytes | str, **params: Any
) -> httpx.Response:
    body = content.encode() if isinstance(content, str) else content
    return await who.post(f"{PATH}/{kind}", content=body, params={"region": DISTRICT, **params})


async def import_table(
    scenario: FundsScenario, who: httpx.AsyncClient, kind: str, content: bytes | str, **params: Any
) -> JsonObject:
    """Upload a table and run it to its end."""
    job: JsonObject = expect_ok(await post_table(who, kind, content, **params), 202)
    while await run_next_batch(IMPORTS, scenario.door.context):
        pass
    done: JsonObject = expect_ok(await who.get(f"{PATH}/{job['id']}"))
    return done


def count_rows(job: JsonObject) -> tuple[int, ...]:
    return tuple(job[name] for name in ("rows", "imported", "already", "differs", "wrong"))


@pytest.mark.parametrize("number", ["10", "11"])
async def test_a_statement_as_the_bank_gives_it_becomes_one_statement(
    scenario: FundsScenario, number: str
) -> None:
    workbook = load_workbook(number)
    rows = [row for _, row in workbook.list_rows()]
    job = await import_table(
        scenario, scenario.finance, "statements", workbook.content, name=workbook.path.name
    )
    assert (job["state"], count_rows(job)) == ("done", (len(rows), len(rows), 0, 0, 0)), job
    statement = expect_ok(await scenario.finance.get(f"/funds/reconciliations/statements/{job['record_id']}"))
    expected = sorted(
        (row["date"], row.get("amount", row.get("debit", 0) - row.get("credit", 0))) for row in rows
    )
    found = sorted((line["happened_on"], int(line["amount"].replace(".", ""))) for line in statement["lines"])
    assert found == expected
    assert {check["agrees"] for check in job["total_checks"]} <= {True}
    again = await import_table(scenario, scenario.finance, "statements", workbook.content)
    assert (count_rows(again), again["record_id"]) == ((len(rows), 0, len(rows), 0, 0), None)


STATEMENT = (
    "日期,凭证号,金额,收款人,余额\n2024-05-06,PZ-1,100.00,甲公司,900.00\n2024-05-07,PZ-2,50.00,乙公司,{}\n"
)


async def test_a_known_voucher_with_other_content_differs_and_a_gap_in_the_balance_is_told(
    scenario: FundsScenario,
) -> None:
    first = await import_table(scenario, scenario.finance, "statements", STATEMENT.format("850.00"))
    assert count_rows(first) == (2, 2, 0, 0, 0)
    edited = (
        STATEMENT.format("700.00").replace("PZ-2,50.00", "PZ-2,60.00")
        + "2024-05-08,PZ-3,7.00,丙公司,693.00\n"
    )
    job = await import_table(scenario, scenario.finance, "statements", edited)
    assert count_rows(job) == (3, 1, 2, 1, 0)
    (difference,) = job["differences"]
    assert difference["fields"] == [{"column": "金额(元)", "library": "50.00", "table": "60.00"}]
    rows = expect_ok(await scenario.finance.get(f"{PATH}/{job['id']}/rows"))["items"]
    assert "差 140.00 元" in rows[1]["notes"][0]
    statement = expect_ok(await scenario.finance.get(f"/funds/reconciliations/statements/{job['record_id']}"))
    assert [line["voucher_no"] for line in statement["lines"]] == ["PZ-3"]


async def create_household_payment(scenario: FundsScenario, amount: int) -> JsonObject:
    allocation = await scenario.create_allocation(amount)
    payment: JsonObject = await scenario.create_payment(
        allocation["id"], amount, payee_kind="households", payee_name="清源镇农户", payee_account=""
    )
    return payment


@pytest.mark.parametrize(("number", "dry_run"), [("09", True), ("17", False)])
async def test_a_household_list_is_taken_but_for_the_rows_to_be_asked_about(
    scenario: FundsScenario, number: str, dry_run: bool
) -> None:
    workbook = load_workbook(number)
    rows = {row["row"]: row for _, row in workbook.list_rows()}
    asked = {one["row"] for one in workbook.truth["ask"]}
    total = sum(row["amount"] for number_, row in rows.items() if number_ not in asked)
    payment = await create_household_payment(scenario, total)
    params = {"region": TOWN, "payment_id": payment["id"], "name": workbook.path.name}
    whole = await import_table(scenario, scenario.town, "beneficiaries", workbook.content, **params)
    assert {fault["row"] for fault in whole["faults"]} == asked, whole["faults"]
    assert (whole["imported"], whole["message"]) == (0, f"表中有 {len(asked)} 行有问题, 一行也没有导入")
    job = await import_table(
        scenario, scenario.town, "beneficiaries", workbook.content, partial=True, dry_run=dry_run, **params
    )
    assert (job["state"], job["imported"]) == ("done", len(rows) - len(asked)), job["message"]
    page = expect_ok(await scenario.town.get(f"/funds/payments/{payment['id']}/batch?limit=200"))
    expected = [row["amount"] for number_, row in sorted(rows.items()) if number_ not in asked]
    found = [int(item["amount"].replace(".", "")) for item in page["items"]]
    assert found == ([] if dry_run else expected)


async def test_a_household_list_shows_no_numbers_and_goes_back_to_its_uploader_alone(
    scenario: FundsScenario,
) -> None:
    workbook = load_workbook("17")
    payment = await create_household_payment(scenario, 100)
    params = {"region": TOWN, "payment_id": payment["id"], "name": workbook.path.name, "partial": True}
    job = await import_table(scenario, scenario.town, "beneficiaries", workbook.content, **params)
    assert (job["state"], "相差" in job["message"]) == ("failed", True)  # the list is larger than the payment
    assert "622301" not in str(job)
    assert "62170000" not in str(job)
    stored = [path.read_bytes() for path in _list_stored_files(scenario) if path.is_file()]
    assert stored
    assert workbook.content not in stored
    address = job["workbook"].removeprefix("/api/v1")
    book = openpyxl.load_workbook(io.BytesIO((await scenario.town.get(address)).content))
    assert "配偶" in str(book.active["N12"].value)
    expect_refusal(await scenario.bureau.get(address), 403)


def _list_stored_files(scenario: FundsScenario) -> Any:
    return Path(scenario.door.context.storage.location).rglob("*")


async def test_an_encrypted_list_is_refused_with_the_true_reason(scenario: FundsScenario) -> None:
    payment = await create_household_payment(scenario, 100)
    answer = await post_table(
        scenario.town, "beneficiaries", load_workbook("20").content, payment_id=payment["id"], region=TOWN
    )
    assert "打开口令" in expect_refusal(answer, 422)["detail"]


HOUSEHOLDS = (
    "姓名,身份证号,一卡通账号,金额\n"
    "钱样戊,622301196602111013,6217000001000000001,{}\n"
    "孙样戊,622301196703121026,6217000001000000002,500\n"
)


async def test_the_list_again_is_known_and_an_edit_differs(scenario: FundsScenario) -> None:
    payment = await create_household_payment(scenario, 1000_00)
    params = {"region": TOWN, "payment_id": payment["id"]}
    first = await import_table(scenario, scenario.town, "beneficiaries", HOUSEHOLDS.format(500), **params)
    assert count_rows(first) == (2, 2, 0, 0, 0)
    same = await import_table(scenario, scenario.town, "beneficiaries", HOUSEHOLDS.format(500), **params)
    assert count_rows(same) == (2, 0, 2, 0, 0)
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    late = await import_table(scenario, scenario.town, "beneficiaries", HOUSEHOLDS.format("4百"), **params)
    assert count_rows(late) == (2, 0, 1, 0, 1)
    edited = await import_table(scenario, scenario.town, "beneficiaries", HOUSEHOLDS.format("400"), **params)
    assert (edited["state"], edited["differs"], "名单不能再改" in edited["message"]) == ("failed", 1, True)


SOURCES = (
    "凉州区2024年衔接资金到位情况表,,,,\n单位：万元,,,,\n"
    "文号,资金名称,资金级次,下达资金,下达日期\n"
    "甘财农〔2024〕1号,财政衔接推进乡村振兴补助资金,中央,{},2024年3月5日\n"
    "甘财农〔2024〕2号,财政衔接推进乡村振兴补助资金(以工代赈任务),省级,300,2024.3.6\n"
    "合计,,,1300,\n"
)


async def test_a_list_of_documents_is_registered_once_and_an_edit_differs(scenario: FundsScenario) -> None:
    tried = await import_table(scenario, scenario.finance, "sources", SOURCES.format(1000), dry_run=True)
    assert (count_rows(tried), tried["total_checks"][0]["agrees"]) == ((2, 2, 0, 0, 0), True)
    assert expect_ok(await scenario.finance.get("/funds/sources"))["items"] == []
    job = await import_table(scenario, scenario.finance, "sources", SOURCES.format(1000))
    assert count_rows(job) == (2, 2, 0, 0, 0), job["faults"]
    found = {
        one["document_no"]: one for one in expect_ok(await scenario.finance.get("/funds/sources"))["items"]
    }
    assert (found["甘财农〔2024〕1号"]["amount"], found["甘财农〔2024〕1号"]["level"]) == (
        "10000000.00",
        "central",
    )
    assert found["甘财农〔2024〕2号"]["fund"] == "work_relief"
    again = await import_table(
        scenario, scenario.finance, "sources", SOURCES.format("900").replace("〔2024〕1", "[2024]1")
    )
    assert count_rows(again) == (2, 0, 2, 1, 0)
    assert again["differences"][0]["fields"] == [
        {"column": "金额(万元)", "library": "1000.0000", "table": "900.0000"}
    ]
    await scenario.check_balanced()


PAYMENTS = "指标文号,项目名称,收款人,支付金额,支付凭证号,支付日期,用途\n{}"


async def test_a_payment_list_applies_registers_results_and_counts_a_voucher_once(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    allocation = await scenario.create_allocation(1000_00, name="机井")
    number, name = allocation["document_no"], allocation["project_name"]
    table = PAYMENTS.format(
        f"{number},{name},武威市水利工程有限公司,400,,,进度款\n{number},没有的项目,甲公司,1,,,工程款\n"
    )
    job = await import_table(scenario, scenario.town, "payments", table, region=TOWN)
    assert count_rows(job) == (2, 1, 0, 0, 1)
    assert "没有下达给这个项目的资金" in job["faults"][0]["message"]
    assert count_rows(await import_table(scenario, scenario.town, "payments", table, region=TOWN)) == (
        2,
        0,
        1,
        0,
        1,
    )
    (payment,) = expect_ok(await scenario.town.get("/funds/payments"))["items"]
    paid = PAYMENTS.format(f"{number},{name},武威市水利工程有限公司,{{}},PZ-9,2024-05-20,进度款\n")
    early = await import_table(scenario, scenario.finance, "payments", paid.format("400"))
    assert "批准后才能登记支付" in early["faults"][0]["message"]
    expect_ok(
        await scenario.town.patch(
            f"/funds/payments/{payment['id']}",
            json={"file_ids": [await scenario.upload_document()]},
            headers={"If-Match": f'"{payment["version"]}"'},
        )
    )
    for who, action in (
        (scenario.town, "submit"),
        (scenario.reviewer, "review"),
        (scenario.finance, "approve"),
    ):
        expect_ok(await scenario.transition_payment(who, payment["id"], action))
    tried = await import_table(scenario, scenario.cashier, "payments", paid.format("400"), dry_run=True)
    assert (count_rows(tried), (await scenario.get_totals())["paid"]) == ((1, 1, 0, 0, 0), 0)
    done = await import_table(scenario, scenario.cashier, "payments", paid.format("400"))
    assert (count_rows(done), (await scenario.get_totals())["paid"]) == ((1, 1, 0, 0, 0), 400_00)
    edited = await import_table(scenario, scenario.cashier, "payments", paid.format("450"))
    assert (count_rows(edited), (await scenario.get_totals())["paid"]) == ((1, 0, 1, 1, 0), 400_00)
    assert edited["differences"][0]["fields"] == [
        {"column": "金额(元)", "library": "400.00", "table": "450.00"}
    ]
    back = PAYMENTS.format(f"{number},{name},武威市水利工程有限公司,(100.00),TK-1,2024-05-20,质量扣款\n")
    for expected in ((1, 1, 0, 0, 0), (1, 0, 1, 0, 0)):
        assert count_rows(await import_table(scenario, scenario.cashier, "payments", back)) == expected
    assert (await scenario.get_totals())["paid"] == 300_00
    await scenario.check_balanced()


async def test_a_plan_is_made_of_a_county_table_when_its_rows_add_up(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    workbook = load_workbook("04")
    rows = [row for _, row in workbook.list_rows()]
    for row in rows:
        library.create_project(row["name"], place=row.get("town_text", ""))
    total = sum(row["total"] for row in rows)
    source = await scenario.create_source(total)
    params = {"title": "第二批分配方案", "year": 2024, "source_id": source["id"]}
    short = await import_table(
        scenario, scenario.bureau, "plans", workbook.content, announced_total=format_yuan(total + 1), **params
    )
    assert (short["state"], "相差 -0.01 元" in short["message"]) == ("failed", True), short["message"]
    job = await import_table(
        scenario, scenario.bureau, "plans", workbook.content, announced_total=format_yuan(total), **params
    )
    assert (job["state"], job["imported"]) == ("done", len(rows)), (job["message"], job["faults"])
    lines = expect_ok(await scenario.leader.get(f"/funds/plans/{job['record_id']}/lines"))
    assert [line["name"] for line in lines] == [row["name"] for row in rows]
    assert any("与明细" in note for note in job["notes"])


async def test_a_mapping_is_proposed_sent_and_remembered(scenario: FundsScenario) -> None:
    table = "办理日子,付给谁,多少钱\n2024-05-06,甲公司,100\n"
    heads = expect_ok(
        await scenario.finance.post(f"{PATH}/statements/heads?region={DISTRICT}", content=table.encode())
    )
    assert [head["title"] for head in heads["mapping"]] == ["办理日子", "付给谁", "多少钱"]
    expect_refusal(await post_table(scenario.finance, "statements", table), 422, "unknown_title")
    mapping = '{"办理日子": "happened_on", "付给谁": "payee", "多少钱": "amount"}'
    job = await import_table(scenario, scenario.finance, "statements", table, mapping=mapping)
    assert job["imported"] == 1
    again = await import_table(scenario, scenario.finance, "statements", table.replace("100", "200"))
    assert (again["imported"], {head["how"] for head in again["mapping"]}) == (1, {"remembered"})


async def test_a_corrected_cell_is_read_and_the_marked_workbook_comes_back(scenario: FundsScenario) -> None:
    table = STATEMENT.format("850.00").replace("50.00,乙", "五十,乙")
    job = await import_table(scenario, scenario.finance, "statements", table, name="对账单.csv")
    assert (job["wrong"], job["imported"], job["faults"][0]["value"]) == (1, 0, "五十")
    answer = await scenario.finance.get(job["workbook"].removeprefix("/api/v1"))
    page = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert (page["A3"].value, "不是金额" in page["F3"].value) == ("2024-05-07", True)
    fix = '[{"sheet": "CSV", "row": 3, "key": "amount", "value": "50"}]'
    good = await import_table(scenario, scenario.finance, "statements", table, corrections=fix)
    assert count_rows(good) == (2, 2, 0, 0, 0)


async def test_a_running_import_is_seen_and_cancelled_by_its_office_alone(scenario: FundsScenario) -> None:
    table = "文号,资金名称,资金级次,下达资金,下达日期\n" + "".join(
        f"甘财农〔2024〕{n}号,衔接资金,中央,1,2024-03-05\n" for n in range(150)
    )
    job = expect_ok(await post_table(scenario.finance, "sources", table), 202)
    assert await run_next_batch(IMPORTS, scenario.door.context)
    address = f"{PATH}/{job['id']}"
    running = expect_ok(await scenario.finance.get(address))
    assert (running["state"], running["done"], running["rows"]) == ("running", 100, 150)
    expect_refusal(await scenario.bureau.post(f"{address}/cancel"), 404)
    cancelled = expect_ok(await scenario.finance.post(f"{address}/cancel"))
    assert (cancelled["state"], cancelled["imported"]) == ("cancelled", 100)
    assert not await run_next_batch(IMPORTS, scenario.door.context)
    expect_refusal(await scenario.finance.post(f"{address}/cancel"), 409)
    listed = expect_ok(await scenario.finance.get(PATH, params={"kind": "sources"}))["items"]
    assert [one["id"] for one in listed] == [job["id"]]
