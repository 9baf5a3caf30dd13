"""Code sets of follow-up visits."""

from shared.labels import Labelled


class Holding(Labelled):
    """到户资产现状."""

    HELD = "held", "在养在用"
    GROWN = "grown", "已扩大"
    SOLD = "sold", "已出售"
    CONSUMED = "consumed", "已自用或到期淘汰"
    LOST = "lost", "死亡、毁损或丢失"
    MISUSED = "misused", "挪作他用"
