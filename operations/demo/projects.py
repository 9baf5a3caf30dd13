"""Step four: build and pay one project: start, progress with photo and position, two payments, one refusal, acceptance."""

from typing import Any

from operations.demo.admission import attach_document, get_project_path, list_states_from
from operations.demo.documents import build_pdf, build_photo
from operations.demo.fixtures import PublishedProject, list_projects
from operations.demo.funds import PLAN_ID
from operations.demo.runner import DemoRun, DemoStep, format_time
from operations.demo.users import HTTP_CONFLICT, RequestRefused, derive_id

FACTORY_LOCATION = {"lon": 101.6012, "lat": 35.2604, "datum": "wgs84"}
COLLECTIVE_NAME = "泽库县王家乡叶金木村股份经济合作社"
COLLECTIVE_CREDIT_CODE = "N2632323MF80000009"
CONTRACT_ID = derive_id("contract")
FIRST_PAYMENT, SECOND_PAYMENT, EXCESSIVE_PAYMENT = "835000.00", "835000.00", "900000.00"


def get_fodder_project() -> PublishedProject:
    """The project that is built in the demonstration: 王家乡叶金木村饲料加工基地扩建项目."""
    return next(project for project in list_projects() if project.key == "fodder")


async def start_project(demo: DemoRun) -> str:
    """Start the project, which the village builds itself, and register its contract in the funds service."""
    project = get_fodder_project()
    await attach_document(demo, "town", project, "implementation_plan", "实施方案", "2023年7月1日开工")
    await attach_document(demo, "town", project, "contract", "村民自建协议", COLLECTIVE_NAME)
    start = {"procurement": "village_build", "happened_at": format_time("2023-07-01")}
    await demo.transition("town", get_project_path(project), "start", start, done=list_states_from("started"))
    contract = {
        "id": CONTRACT_ID,
        "project_id": derive_id(project.key),
        "number": "王家乡建〔2023〕3号",
        "title": "饲料加工基地扩建村民自建协议",
        "party": COLLECTIVE_NAME,
        "party_code": COLLECTIVE_CREDIT_CODE,
        "amount": project.amount,
        "signed_on": "2023-06-28",
    }
    await demo.as_user("town").post("/funds/contracts", contract)
    return f"{project.name} 2023-07-01 开工, 村民自建, 合同 {project.amount} 元"


async def _report_progress(demo: DemoRun, percent: int, on: str) -> None:
    project = get_fodder_project()
    reports: dict[str, Any] = await demo.as_user("town").get(f"{get_project_path(project)}/progress")
    report_id = derive_id(f"progress {percent}")
    if any(report["id"] == report_id for report in reports["items"]):
        return
    photo_id = await demo.upload_file(
        "town", "projects", f"progress-{percent}.png", build_photo(percent), "image/png"
    )
    body = {
        "id": report_id,
        "physical_percent": percent,
        "photos": [
            {"file_id": photo_id, "fix": {**FACTORY_LOCATION, "accuracy_m": 10}, "taken_at": format_time(on)}
        ],
        "happened_at": format_time(on),
    }
    await demo.as_user("town").post(f"{get_project_path(project)}/progress", body)


async def _make_payment(demo: DemoRun, number: int, amount: str, on: str) -> None:
    payment_id = derive_id(f"payment {number}")
    path = f"/funds/payments/{payment_id}"
    await _apply_for_payment(demo, payment_id, amount, on)
    done_states = ("submitted", "reviewed", "approved", "paid")
    when = {"happened_at": format_time(on, 11)}
    await demo.transition("town", path, "submit", when, done=done_states)
    await demo.transition("bureau", path, "review", when, done=done_states[1:])
    await demo.transition("treasurer", path, "approve", when, done=done_states[2:])
    paid = {"voucher_no": f"2023-0505-{number}", "paid_on": on, "bank_result": "支付成功", **when}
    await demo.transition("finance", path, "pay", paid, done=done_states[3:])


async def _apply_for_payment(demo: DemoRun, payment_id: str, amount: str, on: str) -> None:
    project = get_fodder_project()
    allocations = await demo.as_user("town").get(
        "/funds/allocations", project_id=derive_id(project.key), plan_id=PLAN_ID
    )
    proof_id = await demo.upload_file(
        "town", "funds", f"{payment_id}.pdf", build_pdf("支付申请", project.name, amount), "application/pdf"
    )
    body = {
        "id": payment_id,
        "allocation_id": allocations["items"][0]["id"],
        "contract_id": CONTRACT_ID,
        "amount": amount,
        "payee_kind": "collective",
        "payee_name": COLLECTIVE_NAME,
        "payee_code": COLLECTIVE_CREDIT_CODE,
        "payee_account": "6228480402564890018",
        "bank": "泽库县农村信用合作联社",
        "purpose": "饲料加工基地扩建工程款",
        "file_ids": [proof_id],
        "happened_at": format_time(on, 9),
    }
    await demo.as_user("town").post("/funds/payments", body)


async def pay_first_half(demo: DemoRun) -> str:
    """Report half of the progress and pay the first half."""
    await _report_progress(demo, 50, "2023-08-15")
    await _make_payment(demo, 1, FIRST_PAYMENT, "2023-08-20")
    return f"2023-08-15 上报进度 50%(照片与坐标), 08-20 支付第一笔 {FIRST_PAYMENT} 元"


async def attempt_excess_payment(demo: DemoRun) -> str:
    """Apply for more than the rest of the allocation; the submission must be refused."""
    payment_id = derive_id("payment too much")
    await _apply_for_payment(demo, payment_id, EXCESSIVE_PAYMENT, "2023-08-21")
    path = f"/funds/payments/{payment_id}"
    if (await demo.as_user("town").get(path))["state"] == "rejected":
        return f"申请支付 {EXCESSIVE_PAYMENT} 元此前已被拒绝"
    try:
        await demo.as_user("town").post(f"{path}/submit", {"happened_at": format_time("2023-08-21")})
    except RequestRefused as refusal:
        if refusal.status != HTTP_CONFLICT:
            raise
        cause = refusal.problem["errors"][0]["detail"]
    else:
        raise AssertionError("超过安排的支付被接受了")
    reason = {"reason": "超出资金安排, 作废", "happened_at": format_time("2023-08-22")}
    await demo.transition("bureau", path, "reject", reason, done=("rejected",))
    return f"再申请 {EXCESSIVE_PAYMENT} 元被拒绝: {cause}"


async def pay_second_half(demo: DemoRun) -> str:
    """Report the completed construction and pay the second half."""
    await _report_progress(demo, 100, "2023-10-20")
    await _make_payment(demo, 2, SECOND_PAYMENT, "2023-10-25")
    figures = await demo.as_user("finance").get(f"/funds/projects/{derive_id('fodder')}")
    return f"2023-10-20 进度 100%, 10-25 支付第二笔 {SECOND_PAYMENT} 元; 项目已付 {figures['paid']} 元"


async def accept_project(demo: DemoRun) -> str:
    """Complete the project, post the notice, and accept it with the settled amount and the built assets."""
    project = get_fodder_project()
    path = get_project_path(project)
    await demo.transition(
        "town",
        path,
        "complete",
        {"happened_at": format_time("2023-10-31")},
        done=list_states_from("completed"),
    )
    await demo.post_notice("town", path, "completion", "2023-11-01", "2023-11-12")
    await attach_document(demo, "bureau", project, "acceptance", "验收报告", "合格")
    acceptance = {
        "settled": project.amount,
        "decision_no": "泽乡振验〔2023〕7号",
        "decision_on": "2023-11-20",
        "happened_at": format_time("2023-11-20"),
        "built": [
            {"name": "饲料加工车间", "asset_class": "operating", "quantity": "680", "unit": "平方米", "value": "1170000.00"},
            {"name": "颗粒饲料生产线", "asset_class": "operating", "quantity": "1", "unit": "条", "value": "500000.00"},
        ],
    }  # fmt: skip
    record = await demo.transition("director", path, "accept", acceptance, done=list_states_from("accepted"))
    return f"竣工公示期满, 2023-11-20 验收, 审定结算 {record['settled']} 元, 形成两项资产"


STEPS = (
    DemoStep("开工", start_project),
    DemoStep("进度与第一笔支付", pay_first_half),
    DemoStep("超额支付被拒绝", attempt_excess_payment),
    DemoStep("进度与第二笔支付", pay_second_half),
    DemoStep("完工与验收", accept_project),
)
