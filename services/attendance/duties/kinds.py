"""Code sets of duty shifts."""

from shared.labels import Labelled


class DutyKind(Labelled):
    """班次."""

    DAY = "day", "白班"
    NIGHT = "night", "夜班"


class DutyState(Labelled):
    """值班状态."""

    SET = "set", "已排班"
    KEPT = "kept", "已值班"
    CANCELLED = "cancelled", "已取消"
