"""Where this service keeps personal values of payees: lists of households (一卡通). Companies and collectives are no persons."""

import sqlalchemy as sa
from sqlmodel import col

from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Beneficiary, Payment
from shared.person_requests.models import (
    ERASED_WORDS,
    VOUCHER_WORDS,
    PersonalRows,
    Subject,
    is_kept_voucher,
    random_mark,
)
from shared.unit_of_work import UnitOfWork

UNDER_WAY_WORDS = "支付还在办理, 处理目的未实现(个人信息保护法第十三条第三项)"
UNDER_WAY = (PaymentState.DRAFT, PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED)
ON_LIST = ("name_masked", "card_masked", "account_masked", "name_sealed", "card_sealed", "account_sealed")


def _is_on_payment(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return col(Beneficiary.payment_id).in_(sa.select(col(Payment.id)).where(*conditions))


def _is_of(work: UnitOfWork, subject: Subject) -> sa.ColumnElement[bool]:
    here = _is_on_payment(work.within_region(col(Payment.region), subject.region))
    return sa.and_(subject.has_mark(col(Beneficiary.card_index)), here)


def _is_voucher(work: UnitOfWork) -> sa.ColumnElement[bool]:
    return _is_on_payment(is_kept_voucher(work, col(Payment.paid_on)))


PERSONAL_ROWS = (
    PersonalRows(
        model=Beneficiary,
        label="一卡通名单",
        find=_is_of,
        numbered=True,
        name="name",
        opens=("name", "card", "account"),
        shows=("payment_id", "position", "amount", "bank", "place", "state"),
        empties={
            **{name: ERASED_WORDS if name.endswith("_masked") else "" for name in ON_LIST},
            "card_index": random_mark,
            "place": "",
            "bank": "",
            "failure": "",
        },
        source="payment_id",
        kept={
            VOUCHER_WORDS: _is_voucher,
            UNDER_WAY_WORDS: lambda _work: _is_on_payment(col(Payment.state).in_(UNDER_WAY)),
        },
    ),
)
