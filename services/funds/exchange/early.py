"""What keeps a row from taking effect: what it is about is not there yet, or our books say something else."""

from typing import Any
from uuid import UUID

from services.funds.exchange.schemas import SentRow
from services.funds.payments import repository as payments
from services.funds.payments.models import Payment
from shared.errors import Conflict, NotFound
from shared.work import Work


class NotYet(Conflict):
    """409: the row came before what it is about; it waits for that payment or document."""

    title, title_en = "尚不能办理", "Too early"

    def __init__(
        self, detail: str, detail_en: str, *, payment: UUID | None = None, document: str = ""
    ) -> None:
        super().__init__(detail, detail_en)
        self.payment, self.document = payment, document


class Contradiction(Conflict):
    """409: the row says something else than our books."""

    title, title_en = "与我方账不符", "Differs from our books"


async def known_payment(work: Work, payment_id: UUID) -> Payment:
    """The payment a row is about, locked; NotYet when there is none in the sender's regions."""
    try:
        return await payments.get(work, payment_id, lock=True)
    except NotFound:
        raise NotYet(f"没有支付申请 {payment_id}", "No such payment yet", payment=payment_id) from None


def changed(before: dict[str, Any], row: SentRow) -> str:
    """What differs between a row that took effect and one that came later under the same key."""
    now = row.model_dump(mode="json")
    parts = [
        f"{name} {before.get(name)} → {value}" for name, value in now.items() if before.get(name) != value
    ]
    return f"同一主键此前已入账, 内容有变: {'; '.join(parts)[:500]}"
