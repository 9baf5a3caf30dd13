"""The dated rules of public notices: how many days each kind of notice stays up at least (days.json)."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from shared.notices.schemas import NoticeLevel
from shared.rules import RuleKey, RuleValue

NATIONAL_MINIMUM_DAYS = 10
"""公示不少于 10 天: the nation's rule for these levels, which no district may go under."""
NATIONAL_LEVELS = frozenset(
    {
        NoticeLevel.VILLAGE,
        NoticeLevel.TOWN,
        NoticeLevel.DISTRICT,
        NoticeLevel.COMPLETION,
        NoticeLevel.ALLOCATION,
    }
)


def _build_key(level: NoticeLevel) -> RuleKey[int]:
    least = NATIONAL_MINIMUM_DAYS if level in NATIONAL_LEVELS else 1
    shape = Annotated[int, Field(title=f"{level.label}最短天数", ge=least, le=365)]
    return RuleKey[int](f"notice_days.{level.value}", shape, folder=Path(__file__).parent)


NOTICE_DAYS: dict[NoticeLevel, RuleKey[int]] = {level: _build_key(level) for level in NoticeLevel}
"""Level → its rule."""


class ObjectionLimits(RuleValue):
    """公众网上提出异议的次数限制."""

    per_sender_hour: Annotated[int, Field(ge=1, le=100)] = Field(title="每人每小时次数")
    per_notice_day: Annotated[int, Field(ge=1, le=10_000)] = Field(title="每项公示每天次数")


OBJECTION_DAYS_AFTER = RuleKey[int](
    "objection.days_after",
    Annotated[int, Field(title="公示期满后仍可提出异议的天数", ge=0, le=90)],
    folder=Path(__file__).parent,
)
OBJECTION_LIMITS = RuleKey[ObjectionLimits]("objection.limits", ObjectionLimits, folder=Path(__file__).parent)
NOTICE_RULES: tuple[RuleKey[Any], ...] = (*NOTICE_DAYS.values(), OBJECTION_LIMITS, OBJECTION_DAYS_AFTER)
