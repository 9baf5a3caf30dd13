"""Where this service keeps personal values of people without an account: keepers, who reported repairs, payees of income."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from services.assets.contracts.models import OperatingContract, Receipt
from services.assets.custody.models import Keeper
from services.assets.deposits.models import Deposit
from services.assets.disposals.lifecycle import RevivalState
from services.assets.disposals.models import Revival
from services.assets.distributions.models import Payout
from services.assets.register.lifecycle import AssetState, UseState
from services.assets.register.models import Asset, UseChange
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

OWNED_WORDS = "还是资产的所有权人, 履行法定职责所必需(个人信息保护法第十三条第三项)"
IN_CHARGE_WORDS = "盘活、维修还没有办结, 处理目的未实现(个人信息保护法第十三条第三项)"
UNPAID_WORDS = "收益还没有发放, 处理目的未实现(个人信息保护法第十三条第三项)"
KEEPING_WORDS = "还在管护, 履行合同所必需(个人信息保护法第十三条第二项)"
OPEN_WORDS = "报修还没有办结, 处理目的未实现(个人信息保护法第十三条第三项)"


def _is_of_village(_work: UnitOfWork, subject: Subject) -> sa.ColumnElement[bool]:
    return sa.literal(subject.is_of_village)


def _is_named(column: Any) -> Callable[[UnitOfWork, Subject], sa.ColumnElement[bool]]:  # noqa: ANN401 - a column
    """Condition: the name stands in a column, in the village of the request: a name alone tells nobody elsewhere."""
    return lambda work, subject: sa.and_(_is_of_village(work, subject), col(column) == subject.name)


def _is_natural(column: Any, code: Any) -> Callable[[UnitOfWork, Subject], sa.ColumnElement[bool]]:  # noqa: ANN401 - columns
    """Condition: the name stands in a column whose credit code is empty, as it is for people and not for companies."""
    named = _is_named(column)
    return lambda work, subject: sa.and_(named(work, subject), col(code) == "")


def _is_kept_now(_work: UnitOfWork) -> sa.ColumnElement[bool]:
    current = sa.select(col(Keeper.id)).where(
        col(Keeper.asset_id) == col(Asset.id),
        col(Keeper.name) == col(Asset.keeper_name),
        col(Keeper.ends_on).is_(None),
    )
    return current.exists()


PERSONAL_ROWS = (
    PersonalRows(
        model=Asset,
        label="资产的管护人",
        find=_is_named(Asset.keeper_name),
        shows=("code", "name", "keeper_name"),
        empties={"keeper_name": ERASED_WORDS},
        kept={KEEPING_WORDS: _is_kept_now},
    ),
    PersonalRows(
        model=Asset,
        label="资产的所有权人",
        find=_is_natural(Asset.owner_name, Asset.owner_code),
        shows=("code", "name", "owner_kind", "owner_name", "original_value"),
        withheld=("holders",),
        empties={"owner_name": ERASED_WORDS, "holders": dict},
        kept={
            OWNED_WORDS: lambda _work: col(Asset.state).not_in((AssetState.DISCARDED, AssetState.SUPERSEDED))
        },
    ),
    PersonalRows(
        model=Asset,
        label="资产盘活责任人",
        find=_is_named(Asset.use_person),
        shows=("code", "name", "use", "use_person"),
        empties={"use_person": ERASED_WORDS},
        kept={IN_CHARGE_WORDS: lambda _work: col(Asset.use).not_in((UseState.IN_USE, UseState.DISPOSED))},
    ),
    PersonalRows(
        model=UseChange,
        label="使用状态变动的责任人",
        find=_is_named(UseChange.person),
        shows=("asset_id", "person"),
        empties={"person": ERASED_WORDS},
    ),
    PersonalRows(
        model=Revival,
        label="盘活方案责任人",
        find=_is_named(Revival.person),
        shows=("asset_id", "person", "deadline", "state"),
        empties={"person": ERASED_WORDS},
        kept={
            IN_CHARGE_WORDS: lambda _work: col(Revival.state).not_in(
                (RevivalState.DONE, RevivalState.GIVEN_UP)
            )
        },
    ),
    PersonalRows(
        model=Repair,
        label="维修责任人",
        find=_is_named(Repair.person),
        shows=("asset_id", "person", "state"),
        empties={"person": ERASED_WORDS},
        kept={
            IN_CHARGE_WORDS: lambda _work: col(Repair.state).not_in(
                (RepairState.CLOSED, RepairState.REJECTED)
            )
        },
    ),
    PersonalRows(
        model=OperatingContract,
        label="经营合同",
        find=_is_natural(OperatingContract.operator, OperatingContract.operator_code),
        shows=("asset_id", "number", "operator", "starts_on", "ends_on"),
        empties={"operator": ERASED_WORDS},
        kept={VOUCHER_WORDS: lambda work: is_kept_voucher(work, col(OperatingContract.ends_on))},
    ),
    PersonalRows(
        model=Receipt,
        label="实收的交款人",
        find=_is_named(Receipt.payer),
        shows=("payer", "amount", "received_on"),
        empties={"payer": ERASED_WORDS},
        kept={VOUCHER_WORDS: lambda work: is_kept_voucher(work, col(Receipt.received_on))},
    ),
    PersonalRows(
        model=Deposit,
        label="押金的交款人",
        find=_is_named(Deposit.party),
        shows=("party", "amount"),
        empties={"party": ERASED_WORDS},
        kept={VOUCHER_WORDS: lambda work: is_kept_voucher(work, col(Deposit.happened_on))},
    ),
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
