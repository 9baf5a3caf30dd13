"""Sums of distribution plans and their income book. Pure functions; amounts in 分."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from services.assets.distributions.schemas import IncomePurpose, LinePost
from shared.china import format_yuan
from shared.errors import invalid_field


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
