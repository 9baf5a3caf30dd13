"""Use of voucher numbers: one number pays one payee on one day, out of as many allocations as it takes."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.funds.vouchers import repository
from shared.china import normalize_document_no
from shared.errors import Conflict, FieldError
from shared.unit_of_work import UnitOfWork

PAYMENT_VOUCHER = "payment"
REFUND_VOUCHER = "refund"
DISTRICT_DIGITS = 6


@dataclass(frozen=True)
class VoucherUse:
    """A voucher about to be used; `target` is what it may be used for once: the allocation paid out of, or the payment returned."""

    kind: str
    region: str
    number: str
    payee_key: str
    used_on: date
    record: UUID

    def to_columns(self) -> dict[str, Any]:
        """Columns of the table, with the number in the form for comparison."""
        columns = asdict(self) | {
            "district": f"{self.region[:DISTRICT_DIGITS]:0<12}",
            "year": self.used_on.year,
            "number": normalize_document_no(self.number),
            "record": str(self.record),
        }
        del columns["region"]
        return columns


def _describe_other_use(use: VoucherUse, first: sa.Row[Any] | None) -> FieldError | None:
    """What is wrong with another use of a number; None for the same payee on the same day."""
    if first is None or (first.payee_key, first.used_on) == (use.payee_key, use.used_on):
        return None
    detail = f"凭证号 {use.number} 已于 {first.used_on} 用于支付 {first.record}, 收款人 {first.payee_key}"
    return FieldError("voucher_used", detail, f"Voucher {use.number} was used before", "/voucher_no")


async def find_other_use(work: UnitOfWork, use: VoucherUse) -> FieldError | None:
    """What is wrong with the use of a number, without locks, for previews."""
    return _describe_other_use(use, await repository.find_voucher(work, use.to_columns()))


async def claim_voucher(work: UnitOfWork, use: VoucherUse) -> None:
    """Take a number into use; Conflict if another payee or day has it. Users of one number wait for each other."""
    if error := _describe_other_use(use, await repository.insert_voucher(work, use.to_columns())):
        raise Conflict(error.detail, error.detail_en, errors=[error])
