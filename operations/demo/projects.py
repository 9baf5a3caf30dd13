"""Step four: one project is built and paid: start, progress with photo and place, two instalments, one refusal, acceptance."""

from typing import Any

from operations.demo.admission import STATES_IN_ORDER, attach_document, get_project_path
from operations.demo.documents import build_pdf, build_photo
from operations.demo.fixtures import PublishedProject, list_projects
from operations.demo.funds import PLAN_ID
from operations.demo.runner import DemoRun, Step, format_time
from operations.demo.users import HTTP_CONFLICT, RequestRefused, derive_id

FACTORY_LOCATION = {"lon": 101.6012, "lat": 35.2604, "datum": "wgs84"}
COLLECTIVE_NAME = "泽库县王家乡叶金木村股份经济合作社"
COLLECTIVE_CREDIT_CODE = "N2632323MF80000009"
CONTRACT_ID = derive_id("contract")
FIRST_PAYMENT, SECOND_PAYMENT, EXCESSIVE_PAYMENT = "835000.00", "835000.00", "900000.00"


def get_fodder_project() -> PublishedProject:
    """The project this story builds: 王家乡叶金木村饲料加工基地扩建项目."""
    return next(one for one in list_projects() if one.key == "fodder")


def _list_states_from(state: str) -> tuple[str, ...]:
    return STATES_IN_ORDER[STATES_IN_ORDER.index(state) :]


async def start_project(story: DemoRun) -> str:
    """The town starts the project the village builds itself; its contract is registered with the money."""
    one = get_fodder_project()
    await attach_document(story, "town", one, "implementation_plan", "实施方案", "2023年7月1日开工")
    await attach_document(story, "town", one, "contract", "村民自建协议", COLLECTIVE_NAME)
    said = {"procurement": "village_build", "happened_at": format_time("2023-07-01")}
    await story.transition("town", get_project_path(one), "start", said, done=_list_states_from("started"))
    contract = {
        "id": CONTRACT_ID,
        "project_id": derive_id(one.key),
        "number": "王家乡建〔2023〕3号",
        "title": "饲料加工基地扩建村民自建协议",
        "party": COLLECTIVE_NAME,
        "party_code": COLLECTIVE_CREDIT_CODE,
        "amount": one.amount,
        "signed_on": "2023-06-28",
    }
    await story.as_user("town").post("/funds/contracts", contract)
    return f"{one.name} 2023-07-01 开工, 村民自建, 合同 {one.amount} 元"


async def _report_progress(story: DemoRun, percent: int, on: str) -> None:
    one = get_fodder_project()
    told: dict[str, Any] = await story.as_user("town").get(f"{get_project_path(one)}/progress")
    report_id = derive_id(f"progress {percent}")
    if any(row["id"] == report_id for row in told["items"]):
        return
    picture = await story.upload_file(
        "town", "projects", f"progress-{percent}.png", build_photo(percent), "image/png"
    )
    body = {
        "id": report_id,
        "physical_percent": percent,
        "photos": [
            {"file_id": picture, "fix": {**FACTORY_LOCATION, "accuracy_m": 10}, "taken_at": format_time(on)}
        ],
        "happened_at": format_time(on),
    }
    await story.as_user("town").post(f"{get_project_path(one)}/progress", body)


async def _make_payment(story: DemoRun, number: int, amount: str, on: str) -> str:
    payment_id = derive_id(f"payment {number}")
    at = f"/funds/payments/{payment_id}"
    await _apply_for_payment(story, payment_id, amount, on)
    after = ("submitted", "reviewed", "approved", "paid")
    when = {"happened_at": format_time(on, 11)}
    await story.transition("town", at, "submit", when, done=after)
    await story.transition("bureau", at, "review", when, done=after[1:])
    await story.transition("treasurer", at, "approve", when, done=after[2:])
    paid = {"voucher_no": f"2023-0505-{number}", "paid_on": on, "bank_result": "支付成功", **when}
    await story.transition("finance", at, "pay", paid, done=after[3:])
    return at


async def _apply_for_payment(story: DemoRun, payment_id: str, amount: str, on: str) -> None:
    one = get_fodder_project()
    found = await story.as_user("town").get(
        "/funds/allocations", project_id=derive_id(one.key), plan_id=PLAN_ID
    )
    proof = await story.upload_file(
        "town", "funds", f"{payment_id}.pdf", build_pdf("支付申请", one.name, amount), "application/pdf"
    )
    body = {
        "id": payment_id,
        "allocation_id": found["items"][0]["id"],
        "contract_id": CONTRACT_ID,
        "amount": amount,
        "payee_kind": "collective",
        "payee_name": COLLECTIVE_NAME,
        "payee_code": COLLECTIVE_CREDIT_CODE,
        "payee_account": "6228480402564890018",
        "bank": "泽库县农村信用合作联社",
        "purpose": "饲料加工基地扩建工程款",
        "file_ids": [proof],
        "happened_at": format_time(on, 9),
    }
    await story.as_user("town").post("/funds/payments", body)


async def pay_first_half(story: DemoRun) -> str:
    """Half built, half paid."""
    await _report_progress(story, 50, "2023-08-15")
    await _make_payment(story, 1, FIRST_PAYMENT, "2023-08-20")
    return f"2023-08-15 上报进度 50%(照片与坐标), 08-20 支付第一笔 {FIRST_PAYMENT} 元"


async def attempt_excess_payment(story: DemoRun) -> str:
    """More than is left is refused, and nothing is written."""
    payment_id = derive_id("payment too much")
    await _apply_for_payment(story, payment_id, EXCESSIVE_PAYMENT, "2023-08-21")
    at = f"/funds/payments/{payment_id}"
    if (await story.as_user("town").get(at))["state"] == "rejected":
        return f"申请支付 {EXCESSIVE_PAYMENT} 元此前已被拒绝"
    try:
        await story.as_user("town").post(f"{at}/submit", {"happened_at": format_time("2023-08-21")})
    except RequestRefused as no:
        if no.status != HTTP_CONFLICT:
            raise
        why = no.problem["errors"][0]["detail"]
    else:
        raise AssertionError("超过安排的支付被接受了")
    reason = {"reason": "超出资金安排, 作废", "happened_at": format_time("2023-08-22")}
    await story.transition("bureau", at, "reject", reason, done=("rejected",))
    return f"再申请 {EXCESSIVE_PAYMENT} 元被拒绝: {why}"


async def pay_second_half(story: DemoRun) -> str:
    """All built, the rest paid."""
    await _report_progress(story, 100, "2023-10-20")
    await _make_payment(story, 2, SECOND_PAYMENT, "2023-10-25")
    found = await story.as_user("finance").get(f"/funds/projects/{derive_id('fodder')}")
    return f"2023-10-20 进度 100%, 10-25 支付第二笔 {SECOND_PAYMENT} 元; 项目已付 {found['paid']} 元"


async def accept_project(story: DemoRun) -> str:
    """Completed, noticed, accepted with the settled amount and what was built."""
    one = get_fodder_project()
    at = get_project_path(one)
    await story.transition(
        "town",
        at,
        "complete",
        {"happened_at": format_time("2023-10-31")},
        done=_list_states_from("completed"),
    )
    await story.post_notice("town", at, "completion", "2023-11-01", "2023-11-12")
    await attach_document(story, "bureau", one, "acceptance", "验收报告", "合格")
    said = {
        "settled": one.amount,
        "decision_no": "泽乡振验〔2023〕7号",
        "decision_on": "2023-11-20",
        "happened_at": format_time("2023-11-20"),
        "built": [
            {"name": "饲料加工车间", "asset_class": "operating", "quantity": "680", "unit": "平方米", "value": "1170000.00"},
            {"name": "颗粒饲料生产线", "asset_class": "operating", "quantity": "1", "unit": "条", "value": "500000.00"},
        ],
    }  # fmt: skip
    record = await story.transition("director", at, "accept", said, done=_list_states_from("accepted"))
    return f"竣工公示期满, 2023-11-20 验收, 审定结算 {record['settled']} 元, 形成两项资产"


STEPS = (
    Step("开工", start_project),
    Step("进度与第一笔支付", pay_first_half),
    Step("超额支付被拒绝", attempt_excess_payment),
    Step("进度与第二笔支付", pay_second_half),
    Step("完工与验收", accept_project),
)
