"""Where this service keeps personal values of people without an account: keepers, who reported repairs, payees of income."""

import sqlalchemy as sa
from sqlmodel import col

from services.assets.custody.models import Keeper
from services.assets.distributions.models import Payout
from services.assets.repairs.lifecycle import RepairState
from services.assets.repairs.models import Repair
from shared.person_requests.models import (
    ERASED_WORDS,
    VOUCHER_WORDS,
    PersonalRows,
    Subject,
    is_kept_voucher,
)
from shared.unit_of_work import UnitOfWork

UNPAID_WORDS = "收益还没有发放, 处理目的未实现(个人信息保护法第十三条第三项)"
KEEPING_WORDS = "还在管护, 履行合同所必需(个人信息保护法第十三条第二项)"
OPEN_WORDS = "报修还没有办结, 处理目的未实现(个人信息保护法第十三条第三项)"


def _is_of_village(_work: UnitOfWork, subject: Subject) -> sa.ColumnElement[bool]:
    return sa.literal(subject.is_of_village)


PERSONAL_ROWS = (
    PersonalRows(
        model=Keeper,
        label="管护责任人",
        find=lambda _work, subject: col(Keeper.name) == subject.name,
        certain=_is_of_village,
        phone="phone",
        opens=("phone",),
        shows=("asset_id", "name", "unit", "duties", "starts_on", "ends_on"),
        empties={"name": ERASED_WORDS, "phone_sealed": "", "phone_masked": ""},
        kept={
            KEEPING_WORDS: lambda work: sa.or_(
                col(Keeper.ends_on).is_(None), col(Keeper.ends_on) >= work.today
            )
        },
    ),
    PersonalRows(
        model=Repair,
        label="报修",
        find=lambda _work, _subject: col(Repair.contact_sealed) != "",
        certain=lambda _work, _subject: sa.false(),
        phone="contact",
        opens=("contact",),
        shows=("asset_id", "created_at", "state"),
        withheld=("text",),
        empties={"contact_sealed": "", "contact_masked": ""},
        kept={OPEN_WORDS: lambda _work: col(Repair.state).not_in((RepairState.CLOSED, RepairState.REJECTED))},
    ),
    PersonalRows(
        model=Payout,
        label="收益发放",
        find=lambda work, subject: sa.and_(_is_of_village(work, subject), col(Payout.payee) == subject.name),
        opens=("account",),
        shows=("distribution_id", "payee", "amount", "paid_on"),
        empties={"payee": ERASED_WORDS, "account_sealed": "", "account_masked": "", "basis": ""},
        kept={
            VOUCHER_WORDS: lambda work: is_kept_voucher(work, col(Payout.paid_on)),
            UNPAID_WORDS: lambda _work: sa.and_(col(Payout.paid_on).is_(None), col(Payout.withdrawn) == ""),
        },
    ),
)
