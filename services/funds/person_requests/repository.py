"""Where this service keeps personal values of payees: lists of households (一卡通). Companies and collectives are no persons."""

from datetime import date

import sqlalchemy as sa
from sqlmodel import col

from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Beneficiary, Payment
from shared.person_requests.models import ERASED_WORDS, PersonalRows, Subject, random_mark
from shared.unit_of_work import UnitOfWork

VOUCHER_YEARS = 30
"""会计凭证的保管期限, 从会计年度终了后的第一天算起: 《会计档案管理办法》(财政部、国家档案局令第79号)第十四条、附表1."""
VOUCHER_WORDS = "会计凭证保管三十年(会计档案管理办法第十四条; 个人信息保护法第四十七条第二款)"
UNDER_WAY_WORDS = "支付还在办理, 处理目的未实现(个人信息保护法第十三条第三项)"
UNDER_WAY = (PaymentState.DRAFT, PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED)
ON_LIST = ("name_masked", "card_masked", "account_masked", "name_sealed", "card_sealed", "account_sealed")


def _is_on_payment(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return col(Beneficiary.payment_id).in_(sa.select(col(Payment.id)).where(*conditions))


def _is_of(work: UnitOfWork, subject: Subject) -> sa.ColumnElement[bool]:
    here = _is_on_payment(work.within_region(col(Payment.region), subject.region))
    return sa.and_(subject.has_mark(col(Beneficiary.card_index)), here)


def _is_voucher(work: UnitOfWork) -> sa.ColumnElement[bool]:
    first_kept = date(work.today.year - VOUCHER_YEARS, 1, 1)
    return _is_on_payment(col(Payment.paid_on) >= first_kept)


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
