"""Chart of accounts (会计科目): the stage of every 分 of a fund document.

    收到指标    借 可分配          贷 到位
    方案审定    借 已审定待下达    贷 可分配
    下达        借 未支付          贷 已审定待下达
    支付申请    借 支付在途        贷 未支付
    支付        借 已支付          贷 支付在途
    退回        借 未支付          贷 已支付

Invariant after every entry, for every source: 到位 = 可分配 + 已审定待下达 + 未支付 + 支付在途 + 已支付.
"""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID, uuid5

from shared.china import LabelledEnum

ACCOUNT_NAMESPACE = UUID("6f0d5a34-6d0c-5a7e-9a53-21305c0dfb01")


class AccountKind(LabelledEnum):
    """账户类别: one stage of the money."""

    RECEIVED = "received", "到位"
    AVAILABLE = "available", "可分配"
    PLANNED = "planned", "已审定待下达"
    UNPAID = "unpaid", "未支付"
    APPLIED = "applied", "支付在途"
    PAID = "paid", "已支付"

    @property
    def sign(self) -> int:
        """+1 if debits increase the balance; -1 for 到位, which credits increase."""
        return -1 if self is AccountKind.RECEIVED else 1


class EntryKind(LabelledEnum):
    """分录类别: what business made the entry."""

    RECEIPT = "receipt", "收到指标"
    ADDITION = "addition", "追加"
    REDUCTION = "reduction", "追减"
    TAKE_BACK = "take_back", "收回"
    RESERVATION = "reservation", "方案审定"
    RELEASE = "release", "方案撤销"
    ISSUE = "issue", "下达"
    APPLICATION = "application", "支付申请"
    WITHDRAWAL = "withdrawal", "支付退回或拒绝"
    PAYMENT = "payment", "支付"
    REFUND = "refund", "退款"
    CARRY_OVER = "carry_over", "结转"


@dataclass(frozen=True)
class AccountKey:
    """One account: kind × source × project × allocation × payee; `year` is the fiscal year of the source."""

    kind: AccountKind
    source_id: UUID
    year: int
    region: str
    project_id: UUID | None = None
    allocation_id: UUID | None = None
    payee: str = ""

    @cached_property
    def id(self) -> UUID:
        """UUIDv5 of the dimensions: the same account has the same id on every replica, without a query."""
        name = f"{self.kind}|{self.source_id}|{self.project_id}|{self.allocation_id}|{self.payee}"
        return uuid5(ACCOUNT_NAMESPACE, name)


@dataclass(frozen=True)
class Posting:
    """分录的一行: one line of an entry. Debits are positive, credits negative, in 分."""

    account: AccountKey
    amount: int

    @property
    def change(self) -> int:
        """Change of the account's balance, in 分."""
        return self.amount * self.account.kind.sign


def debit(account: AccountKey, amount: int) -> Posting:
    """Build a debit (借) of an amount in 分."""
    return Posting(account, amount)


def credit(account: AccountKey, amount: int) -> Posting:
    """Build a credit (贷) of an amount in 分."""
    return Posting(account, -amount)


def require_zero_sum(postings: list[Posting]) -> list[Posting]:
    """Return the postings that are not zero; ValueError unless debits equal credits."""
    if total := sum(posting.amount for posting in postings):
        raise ValueError(f"借贷不平, 相差 {total} 分")
    return [posting for posting in postings if posting.amount]
