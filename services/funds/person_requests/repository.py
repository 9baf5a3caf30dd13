"""Where this service keeps personal values: payees, parties of contracts, who leads a target. Companies and collectives are no persons."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from services.funds.contracts.models import Contract
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Beneficiary, Payment
from services.funds.targets.lifecycle import TargetState
from services.funds.targets.models import Target
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
UNDER_WAY_TARGET = "绩效自评还没有复核, 处理目的未实现(个人信息保护法第十三条第三项)"
UNDER_WAY = (PaymentState.DRAFT, PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED)
ON_LIST = ("name_masked", "card_masked", "account_masked", "name_sealed", "card_sealed", "account_sealed")


def _is_on_payment(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return col(Beneficiary.payment_id).in_(sa.select(col(Payment.id)).where(*conditions))


def _is_of(work: UnitOfWork, subject: Subject) -> sa.ColumnElement[bool]:
    here = _is_on_payment(work.within_region(col(Payment.region), subject.region))
    return sa.and_(subject.has_mark(col(Beneficiary.card_index)), here)


def _is_voucher(work: UnitOfWork) -> sa.ColumnElement[bool]:
    return _is_on_payment(is_kept_voucher(work, col(Payment.paid_on)))


def _is_natural(column: Any, code: Any) -> Callable[[UnitOfWork, Subject], sa.ColumnElement[bool]]:  # noqa: ANN401 - columns
    """Condition: the name stands in a column without a credit code, in the village of the request; elsewhere it tells nobody."""
    return lambda _work, subject: sa.and_(
        sa.literal(subject.is_of_village), col(column) == subject.name, col(code) == ""
    )


PERSONAL_ROWS = (
    PersonalRows(
        model=Payment,
        label="收款人",
        find=_is_natural(Payment.payee_name, Payment.payee_code),
        opens=("account",),
        shows=("payee_name", "bank", "amount", "purpose", "paid_on", "state"),
        empties={
            "payee_name": ERASED_WORDS,
            "payee_key": random_mark,
            "account_sealed": "",
            "account_masked": "",
            "bank": "",
        },
        kept={
            VOUCHER_WORDS: lambda work: is_kept_voucher(work, col(Payment.paid_on)),
            UNDER_WAY_WORDS: lambda _work: col(Payment.state).in_(UNDER_WAY),
        },
    ),
    PersonalRows(
        model=Contract,
        label="合同的对方",
        find=_is_natural(Contract.party, Contract.party_code),
        shows=("project_name", "number", "title", "party"),
        empties={"party": ERASED_WORDS},
        kept={VOUCHER_WORDS: lambda work: is_kept_voucher(work, col(Contract.signed_on))},
    ),
    PersonalRows(
        model=Target,
        label="绩效目标负责人",
        find=lambda _work, subject: sa.and_(
            col(Target.leader) == subject.name,
            sa.or_(sa.literal(subject.is_of_village), col(Target.region) == subject.region),
        ),
        shows=("project_name", "year", "unit", "leader", "state"),
        empties={"leader": ERASED_WORDS},
        kept={UNDER_WAY_TARGET: lambda _work: col(Target.state) != TargetState.CONFIRMED},
    ),
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
