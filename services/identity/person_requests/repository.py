"""Where this service keeps personal values of a person with an account, and what must stay with which basis."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from services.identity.accounts.models import Account, FormerPassword, RoleGrant
from services.identity.device_keys.models import DeviceKey
from services.identity.handovers.models import Handover
from services.identity.issuers.models import IssuerBinding
from services.identity.passkeys.models import Passkey, PasskeyChallenge
from services.identity.second_factors.models import RecoveryCode, SecondFactor
from services.identity.sessions.models import RefreshToken, Session
from shared.person_requests.models import ACCOUNT_NAME, PersonalRows, Subject
from shared.unit_of_work import UnitOfWork

GRANT_WORDS = (
    "谁在何时有何权限、批准了什么须可追溯, 账号代号和授权记录保留(网络安全法第二十一条第三项; "
    "会计档案管理办法第十四条; 个人信息保护法第四十七条第二款)"
)


def _always(_work: UnitOfWork) -> sa.ColumnElement[bool]:
    return sa.true()


def _rows_of(model: Any, label: str, *, shows: Sequence[str] = ()) -> PersonalRows:  # noqa: ANN401 - a table with `account_id`
    """Rows that go with the account."""
    return PersonalRows(
        model=model,
        label=label,
        find=lambda _work, subject: col(model.account_id) == subject.account,
        deletes=True,
        shows=tuple(shows),
    )


def _is_account(_work: UnitOfWork, subject: Subject) -> sa.ColumnElement[bool]:
    return col(Account.id) == subject.account


PERSONAL_ROWS = (
    PersonalRows(
        model=Account,
        label="账号",
        find=_is_account,
        shows=(
            *("name", "person_name", "region", "organisation_id", "disabled"),
            *("created_at", "updated_at", "password_changed_at"),
        ),
        empties={
            "name": ACCOUNT_NAME,
            "person_name": "",
            "secret": "",
            "password_changed_at": None,
            "must_change": False,
        },
    ),
    PersonalRows(
        model=RoleGrant,
        label="授权记录",
        find=lambda _work, subject: col(RoleGrant.account_id) == subject.account,
        shows=("role", "region", "valid_from", "valid_to", "granted_by"),
        kept={GRANT_WORDS: _always},
    ),
    PersonalRows(
        model=Handover,
        label="移交的工作",
        find=lambda _work, subject: col(Handover.account_id) == subject.account,
        shows=("account_name", "starts_on", "reason"),
        empties={"account_name": ACCOUNT_NAME, "reason": ""},
    ),
    PersonalRows(
        model=Handover,
        label="接手的工作",
        find=lambda _work, subject: col(Handover.successor_id) == subject.account,
        shows=("successor_name", "starts_on"),
        empties={"successor_name": ACCOUNT_NAME},
    ),
    _rows_of(Session, "会话", shows=("source", "agent", "method", "started_at", "used_at", "ended_at")),
    _rows_of(DeviceKey, "设备密钥", shows=("name", "registered_at", "revoked_at")),
    _rows_of(IssuerBinding, "统一身份认证的绑定", shows=("issuer", "subject", "created_at")),
    _rows_of(SecondFactor, "动态口令", shows=("created_at", "confirmed_at")),
    _rows_of(RecoveryCode, "恢复码", shows=("created_at", "used_at")),
    _rows_of(Passkey, "通行密钥", shows=("name", "created_at", "used_at")),
    _rows_of(PasskeyChallenge, "通行密钥的质询", shows=("expires_at",)),
    _rows_of(RefreshToken, "刷新令牌", shows=("issued_at", "expires_at")),
    _rows_of(FormerPassword, "用过的口令", shows=("replaced_at",)),
)
