"""Purpose of a payment: forbidden words warn, the screening decides, and a reviewer clears a block."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import services.funds
from services.funds.findings import Effect, EffectRule
from services.funds.payments.calculation import PaymentCase, evaluate_controls
from services.funds.policy import PAYMENT_PURPOSE
from shared.clients.projects import TextFinding, TextScreening
from shared.rules import Rule
from tests.funds.factories_alerts import list_alerts
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary

PAYMENT_RULES = json.loads(
    (Path(services.funds.__file__).parent / "rules" / "payments.json").read_text("utf-8")
)


def build_payment_case(**overrides: Any) -> PaymentCase:
    """A payment case without failed controls."""
    facts: dict[str, Any] = {
        "on": date(2024, 5, 20), "amount": 1, "payee_name": "某某", "payee_code": "", "purpose": "机井进度款",
        "advance": False, "households": False, "allocated": 1, "paid": 0, "project_state": "started",
    }  # fmt: skip
    return PaymentCase(**{**facts, **overrides})


async def _get_checks(scenario: FundsScenario, payment_id: str) -> dict[str, Any]:
    checks: dict[str, Any] = expect_ok(await scenario.leader.get(f"/funds/payments/{payment_id}/checks"))
    return checks


def _find_finding(checks: dict[str, Any], key: str) -> dict[str, Any]:
    finding: dict[str, Any] = next(finding for finding in checks["findings"] if finding["key"] == key)
    return finding


@pytest.mark.parametrize(
    ("purpose", "warned"),
    [
        ("发放干部奖金", True),
        ("修建办公楼", True),
        ("产业以奖代补资金", False),
        ("以奖代补修建办公楼", True),
        ("机井进度款", False),
    ],
)
def test_the_districts_own_words_warn_of_a_purpose(purpose: str, warned: bool) -> None:
    (entry,) = [
        item for item in PAYMENT_RULES if item["key"] == "payment.purpose" and "effective_to" not in item
    ]
    value = PAYMENT_PURPOSE.parse_value(entry["value"])
    rule = Rule(entry["key"], 1, value, entry["basis"], entry["confirmed"], entry["title"])
    (finding,) = evaluate_controls(build_payment_case(purpose=purpose), {"payment.purpose": rule})
    assert (finding.passed, finding.effect) == (not warned, Effect.WARN)


@pytest.mark.parametrize(
    ("verdict", "clearance", "effect", "passed", "text"),
    [
        ("clear", "", Effect.WARN, True, "未发现问题"),
        ("review", "", Effect.REPORT, False, "须人工确认: 文字写到“慰问金”"),
        ("block", "", Effect.WARN, False, "写明理由才能放行: 文字写到“慰问金”"),
        ("block", "属于抚恤", Effect.WARN, True, "已放行: 属于抚恤"),
    ],
)
def test_what_the_screening_of_a_purpose_says(
    verdict: str, clearance: str, effect: Effect, passed: bool, text: str
) -> None:
    hit = TextFinding(rule="spending.handouts@1", severity=verdict, explanation="文字写到“慰问金”")
    screening = TextScreening(verdict=verdict, findings=[] if verdict == "clear" else [hit])
    rule = Rule("payment.screening", 1, EffectRule(effect=Effect.WARN), "", confirmed=True, title="")
    (finding,) = evaluate_controls(
        build_payment_case(screening=screening, clearance=clearance), {"payment.screening": rule}
    )
    assert (finding.effect, finding.passed) == (effect, passed)
    assert text in finding.message


async def test_a_purpose_the_library_forbids_waits_for_a_reviewers_reason(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    library.forbidden_words = {"村委会": "block", "慰问": "review"}
    allocation = await scenario.create_allocation(1000_00)
    reviewed = await scenario.create_payment(allocation["id"], 100_00, purpose="慰问困难群众物资款")
    finding = _find_finding(await _get_checks(scenario, reviewed["id"]), "payment.screening")
    assert (finding["effect"], finding["message"]) == ("report", "用途须人工确认: 文字写到“慰问”")
    expect_ok(await scenario.transition_payment(scenario.town, reviewed["id"], "submit"))
    expect_ok(await scenario.transition_payment(scenario.reviewer, reviewed["id"], "review"))

    blocked = await scenario.create_payment(allocation["id"], 200_00, purpose="村委会门前道路硬化")
    expect_ok(await scenario.transition_payment(scenario.town, blocked["id"], "submit"))
    (alert,) = await list_alerts(scenario, "held")
    assert (alert["subject"], alert["light"]) == (blocked["id"], "red")
    no = expect_refusal(
        await scenario.transition_payment(scenario.reviewer, blocked["id"], "review"), 409, "purpose_blocked"
    )
    assert "文字写到“村委会”" in no["detail"]
    assert (await scenario.get_totals())["applied"] == 300_00
    reason = {"clearance": "道路属村内公益设施, 与办公场所无关"}
    expect_refusal(await scenario.transition_payment(scenario.town, blocked["id"], "review", **reason), 403)
    expect_ok(await scenario.transition_payment(scenario.reviewer, blocked["id"], "review", **reason))
    read = expect_ok(await scenario.leader.get(f"/funds/payments/{blocked['id']}"))
    assert (read["screened"], read["cleared_by"], read["clearance"]) == ("block", "zhao", reason["clearance"])
    assert [finding["rule"] for finding in read["screening"]["findings"]] == ["村委会@1"]
    events = expect_ok(await scenario.auditor.get("/funds/events"))["items"]
    (waiver,) = [item for item in events if item["type"] == "payment.cleared"]
    assert (waiver["subject"], waiver["reason"]) == (blocked["id"], reason["clearance"])
    assert (await list_alerts(scenario, "held"))[0]["gone"]
    expect_refusal(
        await scenario.transition_payment(scenario.finance, blocked["id"], "approve"),
        409,
        "clearance_unconfirmed",
    )
    confirmation = {"confirms_clearance": True}
    approved = expect_ok(
        await scenario.transition_payment(scenario.finance, blocked["id"], "approve", **confirmation)
    )
    events = expect_ok(await scenario.auditor.get("/funds/events"))["items"]
    (confirmed,) = [item for item in events if item["type"] == "payment.clearance_confirmed"]
    names = (confirmed["after"]["cleared_by"], confirmed["after"]["confirmed_by"])
    assert names == ("zhao", approved["approved_by"])

    returned = await scenario.create_payment(allocation["id"], 50_00, purpose="村委会门前道路硬化")
    expect_ok(await scenario.transition_payment(scenario.town, returned["id"], "submit"))
    expect_ok(
        await scenario.transition_payment(scenario.reviewer, returned["id"], "return", reason="写明内容")
    )
    etag = {"If-Match": (await scenario.town.get(f"/funds/payments/{returned['id']}")).headers["etag"]}
    body = {"purpose": "村内道路硬化"}
    expect_ok(await scenario.town.patch(f"/funds/payments/{returned['id']}", json=body, headers=etag))
    assert (
        expect_ok(await scenario.transition_payment(scenario.town, returned["id"], "submit"))["screened"]
        == "clear"
    )
    expect_ok(await scenario.transition_payment(scenario.reviewer, returned["id"], "review"))


async def test_a_silent_library_is_said_and_stops_the_move_not_the_reading(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_payment(allocation["id"], 100_00)
    library.is_down = True
    checks = await _get_checks(scenario, payment["id"])
    assert checks["missing"] == ["projects"]
    assert _find_finding(checks, "payment.screening")["message"] == "项目库暂时联系不上, 没有筛查用途"
    path, key = f"/funds/payments/{payment['id']}/submit", {"Idempotency-Key": "submitted-once"}
    away = await scenario.town.post(path, json={}, headers=key)
    expect_refusal(away, 503)
    assert int(away.headers["retry-after"]) > 0
    assert expect_ok(await scenario.leader.get(f"/funds/payments/{payment['id']}"))["state"] == "draft"
    assert (await scenario.get_totals())["applied"] == 0
    library.is_down = False
    assert expect_ok(await scenario.town.post(path, json={}, headers=key))["screened"] == "clear"
    repeated = await scenario.town.post(path, json={}, headers=key)
    assert (expect_ok(repeated)["state"], repeated.headers["idempotent-replayed"]) == ("submitted", "true")
    assert (await scenario.get_totals())["applied"] == 100_00
