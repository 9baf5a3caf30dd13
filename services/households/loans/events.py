"""Events of small loans; none names a person."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from shared.events import Event


class SmallLoanMoved(Event):
    """小额信贷换了状态; `was` is empty for a new loan."""

    topic: ClassVar[str] = "small_loan.moved"
    loan_id: UUID
    was: str
    now: str


class SmallLoanChanged(Event):
    """登记了还款或贴息."""

    topic: ClassVar[str] = "small_loan.changed"
    loan_id: UUID
    fields: list[str] = Field(description="names of the changed fields")


class SmallLoanOpened(Event):
    """查阅了借款人."""

    topic: ClassVar[str] = "small_loan.opened"
    loan_id: UUID
    purpose: str
