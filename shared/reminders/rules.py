"""The dated rule of reminders (days.json)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.rules import RuleKey, RuleValue


class ReminderRule(RuleValue):
    """到期提醒: whether, how many days before, and how many lines a message has."""

    enabled: bool = Field(True, title="启用")
    days: Annotated[int, Field(ge=0, le=30)] = Field(title="提前天数")
    most: Annotated[int, Field(ge=1, le=50)] = Field(20, title="一条消息最多列几件")


REMINDER = RuleKey[ReminderRule]("reminder.days", ReminderRule, folder=Path(__file__).parent)
