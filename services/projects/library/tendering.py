"""Which way of procurement an amount asks for, by the dated rule `procurement.limits`."""

from collections.abc import Mapping
from typing import Any

from services.projects.library.kinds import Procurement, Purchase
from shared.errors import Fault
from shared.money import fen, yuan


def purchase_of(category: str, rule: Mapping[str, Any]) -> Purchase:
    """What a category of projects usually buys: the nearest above it that the rule names, works otherwise."""
    parts = category.split(".")
    heads = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return Purchase(next((rule["kinds"][one] for one in heads if one in rule["kinds"]), Purchase.WORKS))


def fault(
    rule: Mapping[str, Any], procurement: Procurement | None, purchase: Purchase, amount: int, reason: str
) -> Fault | None:
    """What stands against this way at this amount (分); None when it may be so."""
    limit = fen(rule["limits"][purchase])
    if procurement is None or amount < limit or procurement == Procurement.OPEN_TENDER:
        return None
    over = f"{purchase.label} {yuan(amount)} 元, 达到公开招标限额 {yuan(limit)} 元"
    if procurement in rule["below_only"]:
        detail = f"{over}, 不能采用{procurement.label}"
        return Fault("tender_needed", detail, "an open tender is needed at this amount", "/procurement")
    if reason.strip():
        return None
    detail = f"{over}, 采用{procurement.label}须写明依据"
    return Fault("tender_reason", detail, "say why no open tender", "/reason")
