"""The dated rules of identity (rules/auth.json): who changes them, and the floors that nobody may go under.

They belong to the security administrator (安全管理员) and take effect only when a second one confirms
(rule_proposals/): neither a business role nor one person alone can switch the security of sign-in off.
"""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from shared.auth import May, Role
from shared.person_requests.rules import PERSON_REQUEST_DAYS
from shared.rules import RuleKey, RuleValue

SEPARATED_ROLES = frozenset({Role.ADMIN, Role.AUDITOR, Role.SECURITY_ADMIN})
"""三员: each of them excludes every other role, whatever a district adds."""


PROTECTED_PERMISSIONS = frozenset({May.ACCOUNT_MANAGE, May.PAYMENT_APPROVE})
"""Permissions that always require a second factor."""
MAX_ACCESS_MINUTES = 30
MAX_ACCESS_LIFE = timedelta(minutes=MAX_ACCESS_MINUTES)
"""The longest life of an access token that any rule may set."""


def _require_separated_roles(roles: frozenset[Role]) -> frozenset[Role]:
    if missing := SEPARATED_ROLES - roles:
        message = f"三员须分立, 不能去掉: {'、'.join(role.label for role in sorted(missing))}"
        raise ValueError(message)
    return roles


def _require_protected_permissions(permissions: frozenset[May]) -> frozenset[May]:
    if missing := PROTECTED_PERMISSIONS - permissions:
        message = f"须启用双因素, 不能去掉: {'、'.join(may.label for may in sorted(missing))}"
        raise ValueError(message)
    return permissions


class LockOut(RuleValue):
    """登录失败锁定."""

    attempts: Annotated[int, Field(ge=3, le=10)] = Field(title="连续失败次数")
    minutes: Annotated[int, Field(ge=10, le=1440)] = Field(title="锁定分钟数")


class PasswordRule(RuleValue):
    """口令要求."""

    least: Annotated[int, Field(ge=8, le=64)] = Field(title="最短位数")
    kinds: Annotated[int, Field(ge=3, le=4)] = Field(title="大写、小写、数字、符号中至少几种")


class TokenLife(RuleValue):
    """令牌有效期."""

    access_minutes: Annotated[int, Field(ge=2, le=MAX_ACCESS_MINUTES)] = Field(title="访问令牌(分钟)")
    refresh_days: Annotated[int, Field(ge=1, le=30)] = Field(title="刷新令牌(天)")

    @property
    def access(self) -> timedelta:
        """How long an access token is valid."""
        return timedelta(minutes=self.access_minutes)

    @property
    def refresh(self) -> timedelta:
        """How long a refresh token is valid."""
        return timedelta(days=self.refresh_days)


class SecondFactorRule(RuleValue):
    """须启用双因素的权限."""

    permissions: Annotated[
        frozenset[May], Field(max_length=100), AfterValidator(_require_protected_permissions)
    ] = Field(title="持有这些权限的账号须启用双因素")


class SessionRule(RuleValue):
    """会话的闲置时限与数目."""

    idle_minutes: Annotated[int, Field(ge=15, le=43_200)] = Field(title="闲置时限(分钟)")
    privileged_idle_minutes: Annotated[int, Field(ge=5, le=120)] = Field(
        title="须双因素的账号的闲置时限(分钟)"
    )
    most: Annotated[int, Field(ge=1, le=50)] = Field(title="一个账号同时登录数")
    longest_days: Annotated[int, Field(ge=1, le=365)] = Field(90, title="一次登录最长天数")
    privileged_longest_hours: Annotated[int, Field(ge=1, le=168)] = Field(
        24, title="须双因素的账号一次登录最长小时数"
    )


def _declare(key: str, shape: Any) -> RuleKey[Any]:  # noqa: ANN401 - a type
    """A rule of sign-in: the security administrator's, with a second person."""
    return RuleKey(key, shape, permission=May.SECURITY_MANAGE, needs_second_person=True)


LOCK_OUT: RuleKey[LockOut] = _declare("auth.lock_out", LockOut)
PASSWORD: RuleKey[PasswordRule] = _declare("auth.password", PasswordRule)
PASSWORD_HISTORY: RuleKey[int] = _declare(
    "auth.password_history", Annotated[int, Field(title="不得与最近几次用过的口令相同", ge=3, le=24)]
)
PASSWORD_AGE: RuleKey[int] = _declare(
    "auth.password_age", Annotated[int, Field(title="口令最长使用天数(0 为不限)", ge=0, le=365)]
)
EXCLUSIVE_ROLES: RuleKey[frozenset[Role]] = _declare(
    "auth.exclusive_roles",
    Annotated[
        frozenset[Role],
        Field(title="不得与其他角色同属一个账号的角色", max_length=20),
        AfterValidator(_require_separated_roles),
    ],
)
SECOND_FACTOR: RuleKey[SecondFactorRule] = _declare("auth.second_factor", SecondFactorRule)
SESSIONS: RuleKey[SessionRule] = _declare("auth.sessions", SessionRule)
REFRESH_GRACE: RuleKey[int] = _declare(
    "auth.refresh_grace", Annotated[int, Field(title="刷新令牌重发宽限(秒)", ge=0, le=120)]
)
TOKEN_LIFE: RuleKey[TokenLife] = _declare("auth.token_life", TokenLife)
CONFIRMED_ROLES: RuleKey[frozenset[Role]] = _declare(
    "auth.confirmed_roles",
    Annotated[frozenset[Role], Field(title="授权须第二名管理员确认的角色", max_length=20)],
)
ERASURE_DAYS: RuleKey[int] = _declare(
    "account.erasure_days",
    Annotated[int, Field(title="账号停用多少天后可删除其个人信息", ge=180, le=3650)],
)

RULES: tuple[RuleKey[Any], ...] = (
    LOCK_OUT,
    PASSWORD,
    PASSWORD_HISTORY,
    PASSWORD_AGE,
    EXCLUSIVE_ROLES,
    SECOND_FACTOR,
    SESSIONS,
    REFRESH_GRACE,
    TOKEN_LIFE,
    CONFIRMED_ROLES,
    ERASURE_DAYS,
    PERSON_REQUEST_DAYS,
)
"""The registry of the rules above."""
