"""Code sets of days."""

from shared.labels import Labelled


class DayResult(Labelled):
    """在岗日结果. No machine says absent: that is a person's finding in a spot check."""

    PRESENT = "present", "在岗"
    PART = "part", "部分在岗"
    ERRAND = "errand", "公出"
    LEAVE = "leave", "请假"
    REST = "rest", "休息"
    PENDING = "pending", "待复核"
    UNEXPLAINED = "unexplained", "未见记录"
    ABSENT = "absent", "不在岗(人工认定)"

    @property
    def asks(self) -> bool:
        """Whether the result waits for a person."""
        return self is DayResult.PENDING
