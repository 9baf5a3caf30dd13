"""Errors of the ledger."""

from services.funds.ledger.accounts import AccountKey
from shared.china import format_yuan
from shared.errors import Conflict, FieldError


class NotEnough(Conflict):
    """409: the balance of an account is below the amount requested; `errors` carries the balance."""

    slug = "not-enough"
    title, title_en = "余额不足", "Not enough money"


def build_not_enough(account: AccountKey, balance: int, required: int) -> NotEnough:
    """Build the error with balance, amount required and shortfall, in 元."""
    label = account.kind.label
    detail = f"{label}余额 {format_yuan(balance)} 元, 需要 {format_yuan(required)} 元, 差 {format_yuan(required - balance)} 元"
    english = f"{account.kind} holds {format_yuan(balance)}, {format_yuan(required)} is asked"
    return NotEnough(
        detail,
        english,
        errors=[FieldError(f"{account.kind}_left", format_yuan(balance), format_yuan(balance), "/amount")],
    )
