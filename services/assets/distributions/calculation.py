"""Sums of distribution plans and their income book. Pure functions; amounts in 分."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from services.assets.distributions.schemas import IncomeAccount, IncomePurpose, LinePost, PayoutPost
from services.assets.policy import ShareBounds
from shared.china import format_yuan
from shared.errors import FieldError, invalid_field


def describe_mismatch(lines: Sequence[Mapping[str, Any]], listed_amounts: Mapping[IncomePurpose, int]) -> str:
    """Text of the differences between payout list and plan; the reserve has no payouts."""
    mismatches = []
    for line in lines:
        purpose = IncomePurpose(line["purpose"])
        if purpose is not IncomePurpose.RESERVE and listed_amounts.get(purpose, 0) != line["amount"]:
            mismatches.append(
                f"{purpose.label}方案 {format_yuan(line['amount'])} 元, 名单 {format_yuan(listed_amounts.get(purpose, 0))} 元"
            )
    return "; ".join(mismatches)


def find_shortfall(balance: int, later_changes: Sequence[tuple[date, int]]) -> tuple[date | None, int]:
    """The lowest balance of an account from a day on, and the day on which it was: None for that day itself.

    `balance` is that of now; `later_changes` are the sums of the changes on each later day, in their order.
    """
    running = balance - sum(amount for _, amount in later_changes)
    lowest, day = running, None
    for on, amount in later_changes:
        running += amount
        if running < lowest:
            lowest, day = running, on
    return day, lowest


def build_lines(lines: list[LinePost]) -> list[dict[str, Any]]:
    """The lines as they are stored. Invalid when a purpose occurs twice."""
    if len({line.purpose for line in lines}) < len(lines):
        raise invalid_field("twice", "同一用途列了两次", "/lines", "A purpose is named twice")
    return [line.model_dump(mode="python") | {"purpose": str(line.purpose)} for line in lines]


def find_shared_account(items: Sequence[PayoutPost], known: Mapping[str, str]) -> FieldError | None:
    """The first payout to an account that receives for another payee, unless its basis says why.

    `known` are the payees of accounts listed before.
    """
    payees = dict(known)
    for index, item in enumerate(items):
        if not item.account:
            continue
        payee = payees.setdefault(item.account, item.payee)
        if payee != item.payee and not item.basis.strip():
            detail = f"{item.payee}的账号与{payee}相同, 请核对; 确为共用的须在依据中说明"
            return FieldError("shared_account", detail, "Another payee's account", f"/items/{index}/account")
    return None


def list_share_warnings(
    lines: Sequence[Mapping[str, Any]], total: int, bounds: Mapping[IncomePurpose, ShareBounds], basis: str
) -> list[str]:
    """Warnings where a purpose is outside its share (percent) of the total."""
    amounts = {line["purpose"]: line["amount"] for line in lines}
    warnings = []
    for purpose, share in bounds.items():
        hundredfold = amounts.get(purpose, 0) * 100
        if hundredfold > share.most * total:
            warnings.append(f"{purpose.label}超过 {share.most}%({basis})")
        if hundredfold < share.least * total:
            warnings.append(f"{purpose.label}不足 {share.least}%({basis})")
    return warnings


def describe_excess(
    lines: Sequence[Mapping[str, Any]], listed_amounts: Mapping[IncomePurpose, int]
) -> str | None:
    """Text of the first purpose whose payouts exceed the plan; the reserve has none."""
    planned = {IncomePurpose(line["purpose"]): line["amount"] for line in lines}
    planned.pop(IncomePurpose.RESERVE, None)
    for purpose, amount in listed_amounts.items():
        if amount > planned.get(purpose, 0):
            return (
                f"{purpose.label}名单合计 {format_yuan(amount)} 元, "
                f"方案 {format_yuan(planned.get(purpose, 0))} 元"
            )
    return None


def build_reservation(lines: Sequence[Mapping[str, Any]]) -> dict[IncomeAccount, int]:
    """Changes of the accounts by which a plan takes its total from what is available."""
    total = sum(line["amount"] for line in lines)
    reserve = sum(line["amount"] for line in lines if line["purpose"] == IncomePurpose.RESERVE)
    return {
        IncomeAccount.AVAILABLE: -total,
        IncomeAccount.RESERVED: reserve,
        IncomeAccount.PLANNED: total - reserve,
    }
