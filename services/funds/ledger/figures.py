"""What a set of accounts adds up to, in the words people use."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.funds.ledger.accounts import AccountKind
from shared.money import Money


class Figures(BaseModel):
    """资金情况. received = available + allocated, allocated = paid + unpaid, in every row, to the 分."""

    model_config = ConfigDict(from_attributes=True)

    received: Money = Field(0, description="到位")
    available: Money = Field(0, description="未安排: 到位减去已下达")
    planned: Money = Field(0, description="未安排中已审定待下达的部分")
    allocated: Money = Field(0, description="已下达")
    unpaid: Money = Field(0, description="已下达未支付")
    applied: Money = Field(0, description="未支付中支付在途的部分")
    paid: Money = Field(0, description="已支付, 扣除退款")


def figures(balances: Mapping[str, Any], *, whole: bool = True) -> Figures:
    """The figures from the balance of each stage.

    A part of a source (a project, a payee, a town) has no 到位 account of its own: what reached it is what it holds.
    `whole` says that the balances may be of whole sources, whose 到位 is then shown as it was posted.
    """
    at = {kind: int(balances.get(kind) or 0) for kind in AccountKind}
    unpaid = at[AccountKind.UNPAID] + at[AccountKind.APPLIED]
    held = sum(balance for kind, balance in at.items() if kind is not AccountKind.RECEIVED)
    return Figures.model_construct(
        received=(at[AccountKind.RECEIVED] if whole else 0) or held,
        available=at[AccountKind.AVAILABLE] + at[AccountKind.PLANNED],
        planned=at[AccountKind.PLANNED],
        allocated=unpaid + at[AccountKind.PAID],
        unpaid=unpaid,
        applied=at[AccountKind.APPLIED],
        paid=at[AccountKind.PAID],
    )
