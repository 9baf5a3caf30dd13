"""Errors of the ledger."""

from services.funds.ledger.accounts import Account
from shared.china import format_yuan
from shared.errors import Conflict, FieldError


class NotEnough(Conflict):
    """409: the account holds less than is asked; `errors` carries both figures."""

    slug = "not-enough"
    title, title_en = "余额不足", "Not enough money"


def build_not_enough(account: Account, balance: int, wanted: int) -> NotEnough:
    """The refusal, with what is left."""
    label = account.kind.label
    detail = f"{label}余额 {format_yuan(balance)} 元, 需要 {format_yuan(wanted)} 元, 差 {format_yuan(wanted - balance)} 元"
    english = f"{account.kind} holds {format_yuan(balance)}, {format_yuan(wanted)} is asked"
    return NotEnough(
        detail,
        english,
        errors=[FieldError(f"{account.kind}_left", format_yuan(balance), format_yuan(balance), "/amount")],
    )
