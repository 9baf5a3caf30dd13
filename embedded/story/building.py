"""Step four: one project is built and paid: start, progress with photo and place, two instalments, one refusal, acceptance."""

from typing import Any

from embedded.story.facts import Published, projects
from embedded.story.library import AFTER, attach, path
from embedded.story.money import PLAN
from embedded.story.paper import document, photo
from embedded.story.people import CONFLICT
from embedded.story.telling import Refused, Step, Story, day, fixed_id

FACTORY = {"lon": 101.6012, "lat": 35.2604, "datum": "wgs84"}
COLLECTIVE = "泽库县王家乡叶金木村股份经济合作社"
CODE = "N2632323MF80000009"
CONTRACT = fixed_id("contract")
HALF, REST, TOO_MUCH = "835000.00", "835000.00", "900000.00"


def fodder() -> Published:
    """The project this story builds: 王家乡叶金木村饲料加工基地扩建项目."""
    return next(one for one in projects() if one.key == "fodder")


def _later(state: str) -> tuple[str, ...]:
    return AFTER[AFTER.index(state) :]


async def start(story: Story) -> str:
    """The town starts the project the village builds itself; its contract is registered with the money."""
    one = fodder()
    await attach(story, "town", one, "implementation_plan", "实施方案", "2023年7月1日开工")
    await attach(story, "town", one, "contract", "村民自建协议", COLLECTIVE)
    said = {"procurement": "village_build", "happened_at": day("2023-07-01")}
    await story.move("town", path(one), "start", said, done=_later("started"))
    contract = {
        "id": CONTRACT,
        "project_id": fixed_id(one.key),
        "number": "王家乡建〔2023〕3号",
        "title": "饲料加工基地扩建村民自建协议",
        "party": COLLECTIVE,
        "party_code": CODE,
        "amount": one.amount,
        "signed_on": "2023-06-28",
    }
    await story.as_("town").post("/funds/contracts", contract)
    return f"{one.name} 2023-07-01 开工, 村民自建, 合同 {one.amount} 元"


async def _progress(story: Story, percent: int, on: str) -> None:
    one = fodder()
    told: dict[str, Any] = await story.as_("town").get(f"{path(one)}/progress")
    report_id = fixed_id(f"progress {percent}")
    if any(row["id"] == report_id for row in told["items"]):
        return
    picture = await story.file("town", "projects", f"progress-{percent}.png", photo(percent), "image/png")
    body = {
        "id": report_id,
        "physical_percent": percent,
        "photos": [{"file_id": picture, "fix": {**FACTORY, "accuracy_m": 10}, "taken_at": day(on)}],
        "happened_at": day(on),
    }
    await story.as_("town").post(f"{path(one)}/progress", body)


async def _pay(story: Story, number: int, amount: str, on: str) -> str:
    payment_id = fixed_id(f"payment {number}")
    at = f"/funds/payments/{payment_id}"
    await _apply(story, payment_id, amount, on)
    after = ("submitted", "reviewed", "approved", "paid")
    when = {"happened_at": day(on, 11)}
    await story.move("town", at, "submit", when, done=after)
    await story.move("bureau", at, "review", when, done=after[1:])
    await story.move("treasurer", at, "approve", when, done=after[2:])
    paid = {"voucher_no": f"2023-0505-{number}", "paid_on": on, "bank_result": "支付成功", **when}
    await story.move("finance", at, "pay", paid, done=after[3:])
    return at


async def _apply(story: Story, payment_id: str, amount: str, on: str) -> None:
    one = fodder()
    found = await story.as_("town").get("/funds/allocations", project_id=fixed_id(one.key), plan_id=PLAN)
    proof = await story.file(
        "town", "funds", f"{payment_id}.pdf", document("支付申请", one.name, amount), "application/pdf"
    )
    body = {
        "id": payment_id,
        "allocation_id": found["items"][0]["id"],
        "contract_id": CONTRACT,
        "amount": amount,
        "payee_kind": "collective",
        "payee_name": COLLECTIVE,
        "payee_code": CODE,
        "payee_account": "6228480402564890018",
        "bank": "泽库县农村信用合作联社",
        "purpose": "饲料加工基地扩建工程款",
        "file_ids": [proof],
        "happened_at": day(on, 9),
    }
    await story.as_("town").post("/funds/payments", body)


async def first_half(story: Story) -> str:
    """Half built, half paid."""
    await _progress(story, 50, "2023-08-15")
    await _pay(story, 1, HALF, "2023-08-20")
    return f"2023-08-15 上报进度 50%(照片与坐标), 08-20 支付第一笔 {HALF} 元"


async def refused(story: Story) -> str:
    """More than is left is refused, and nothing is written."""
    payment_id = fixed_id("payment too much")
    await _apply(story, payment_id, TOO_MUCH, "2023-08-21")
    at = f"/funds/payments/{payment_id}"
    if (await story.as_("town").get(at))["state"] == "rejected":
        return f"申请支付 {TOO_MUCH} 元此前已被拒绝"
    try:
        await story.as_("town").post(f"{at}/submit", {"happened_at": day("2023-08-21")})
    except Refused as no:
        if no.status != CONFLICT:
            raise
        why = no.problem["errors"][0]["detail"]
    else:
        raise AssertionError("超过安排的支付被接受了")
    reason = {"reason": "超出资金安排, 作废", "happened_at": day("2023-08-22")}
    await story.move("bureau", at, "reject", reason, done=("rejected",))
    return f"再申请 {TOO_MUCH} 元被拒绝: {why}"


async def second_half(story: Story) -> str:
    """All built, the rest paid."""
    await _progress(story, 100, "2023-10-20")
    await _pay(story, 2, REST, "2023-10-25")
    found = await story.as_("finance").get(f"/funds/projects/{fixed_id('fodder')}")
    return f"2023-10-20 进度 100%, 10-25 支付第二笔 {REST} 元; 项目已付 {found['paid']} 元"


async def accept(story: Story) -> str:
    """Completed, noticed, accepted with the settled amount and what was built."""
    one = fodder()
    at = path(one)
    await story.move("town", at, "complete", {"happened_at": day("2023-10-31")}, done=_later("completed"))
    await story.notice("town", at, "completion", "2023-11-01", "2023-11-12")
    await attach(story, "bureau", one, "acceptance", "验收报告", "合格")
    said = {
        "settled": one.amount,
        "decision_no": "泽乡振验〔2023〕7号",
        "decision_on": "2023-11-20",
        "happened_at": day("2023-11-20"),
        "built": [
            {"name": "饲料加工车间", "asset_class": "operating", "quantity": "680", "unit": "平方米", "value": "1170000.00"},
            {"name": "颗粒饲料生产线", "asset_class": "operating", "quantity": "1", "unit": "条", "value": "500000.00"},
        ],
    }  # fmt: skip
    record = await story.move("director", at, "accept", said, done=_later("accepted"))
    return f"竣工公示期满, 2023-11-20 验收, 审定结算 {record['settled']} 元, 形成两项资产"


STEPS = (
    Step("开工", start),
    Step("进度与第一笔支付", first_half),
    Step("超额支付被拒绝", refused),
    Step("进度与第二笔支付", second_half),
    Step("完工与验收", accept),
)
