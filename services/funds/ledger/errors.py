"""Errors of the ledger."""

from datetime import date

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


def build_not_enough_then(account: AccountKey, on: date, balance: int, required: int) -> NotEnough:
    """Build the error of a back-dated entry: what the account held on its lowest day from then to today, in 元."""
    held, needed, short = (format_yuan(part) for part in (balance, required, required - balance))
    detail = f"{on} 的{account.kind.label}余额只有 {held} 元, 需要 {needed} 元, 差 {short} 元; 补记的业务不能使以前任何一天的余额为负"
    english = (
        f"On {on} {account.kind} held {held}, {needed} is asked: no balance may be negative on any past day"
    )
    return NotEnough(
        detail,
        english,
        errors=[FieldError(f"{account.kind}_left_then", held, held, "/happened_on")],
        next_step="请以资金到位之后的日期登记, 并在理由中写明实际日期",
    )
