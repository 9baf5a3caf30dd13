"""Shapes and keys of the dated rules that the workplan service reads."""

from pydantic import Field

from shared.rules import RuleKey, RuleValue


class LightRule(RuleValue):
    """进度灯."""

    yellow_percent: int = Field(title="不低于序时进度的百分之几为黄灯", ge=1, le=99)


LIGHTS = RuleKey[LightRule]("workplan.lights", LightRule)
RULES = (LIGHTS,)
