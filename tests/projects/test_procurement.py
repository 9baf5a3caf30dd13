"""Open tender limits by the rule in force on the day."""

import pytest

from services.projects.policy import PROCUREMENT_LIMITS
from services.projects.projects.guards import Procurement, Purchase, check_procurement, classify_purchase
from tests.projects.factories_projects import ProjectScenario

PROCUREMENT_RULE = PROCUREMENT_LIMITS.parse_value(
    {
        "limits": {"works": "4000000.00", "goods": "2000000.00", "services": "1000000.00"},
        "below_only": ["negotiation", "inquiry", "small_works", "village_build"],
        "kinds": {"2": "services", "1.4": "services"},
    }
)
WORKS, GOODS, SERVICES = Purchase.WORKS, Purchase.GOODS, Purchase.SERVICES


@pytest.mark.parametrize(
    ("way", "bought", "amount", "reason", "code"),
    [
        ("small_works", WORKS, 399_999_999, "", None),
        ("small_works", WORKS, 400_000_000, "急", "tender_needed"),
        ("open_tender", WORKS, 900_000_000, "", None),
        ("invited_tender", WORKS, 400_000_000, "", "tender_reason"),
        ("invited_tender", WORKS, 400_000_000, "发改委批复〔2024〕1号", None),
        ("inquiry", GOODS, 200_000_000, "", "tender_needed"),
        ("inquiry", GOODS, 199_999_999, "", None),
        ("not_needed", SERVICES, 100_000_000, "", "tender_reason"),
        ("not_needed", SERVICES, 100_000_000, "贷款贴息, 不涉及采购", None),
        ("village_build", WORKS, 500_000_000, "群众要求", "tender_needed"),
        ("work_relief", WORKS, 500_000_000, "以工代赈项目批复", None),
    ],
)
def test_the_procurement_method_depends_on_the_amount(
    way: str, bought: Purchase, amount: int, reason: str, code: str | None
) -> None:
    error = check_procurement(PROCUREMENT_RULE, Procurement(way), bought, amount, reason)
    assert (error and error.code) == code


def test_a_category_maps_to_a_purchase() -> None:
    assert [classify_purchase(item, PROCUREMENT_RULE) for item in ("3.1.2", "2.2.2", "1.4.3", "1.1.1")] == [
        WORKS,
        SERVICES,
        SERVICES,
        WORKS,
    ]


async def test_a_start_without_the_tender_it_needs_is_refused(scenario: ProjectScenario) -> None:
    money = [{"kind": "central", "amount": "4000000.00"}]
    project_id = await scenario.create_in_reserve(total="4000000.00", money=money)
    await scenario.deliver_money_event(project_id)
    for kind in ("implementation_plan", "procurement"):
        await scenario.attach_document(project_id, kind, scenario.town)
    address = f"/projects/{project_id}/start"
    refused = await scenario.town.post(address, json={"procurement": "small_works"})
    assert [error["code"] for error in refused.json()["errors"]] == ["tender_needed"]
    part = {"procurement": "small_works", "estimate": "3900000.00"}
    assert (await scenario.town.post(f"{address}?dry_run=true", json=part)).json()["allowed"] is True
    assert (await scenario.town.post(address, json={"procurement": "open_tender"})).json()[
        "state"
    ] == "started"
