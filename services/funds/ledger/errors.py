"""What only the ledger refuses."""

from services.funds.ledger.accounts import Account
from shared.errors import Conflict, Fault
from shared.money import yuan


class NotEnough(Conflict):
    """409: the account holds less than is asked; `errors` carries both figures."""

    title, title_en = "余额不足", "Not enough money"


def not_enough(account: Account, balance: int, wanted: int) -> NotEnough:
    """The refusal, with what is left."""
    label = account.kind.label
    detail = f"{label}余额 {yuan(balance)} 元, 需要 {yuan(wanted)} 元, 差 {yuan(wanted - balance)} 元"
    english = f"{account.kind} holds {yuan(balance)}, {yuan(wanted)} is asked"
    return NotEnough(
        detail, english, faults=[Fault(f"{account.kind}_left", yuan(balance), yuan(balance), "/amount")]
    )
