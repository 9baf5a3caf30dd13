"""Code sets of operating contracts."""

from shared.labels import Labelled


class Mode(Labelled):
    """经营方式."""

    OWN = "own", "自营"
    CONTRACT = "contract", "承包"
    LEASE = "lease", "租赁"
    SHARE = "share", "入股"
    COOPERATE = "cooperate", "合作"
    ENTRUST = "entrust", "托管"


class Period(Labelled):
    """收益结算周期."""

    MONTH = "month", "按月"
    QUARTER = "quarter", "按季"
    HALF = "half", "按半年"
    YEAR = "year", "按年"
    ONCE = "once", "一次性"

    @property
    def months(self) -> int:
        """Months from one due date to the next; 0 when there is only one."""
        return {Period.MONTH: 1, Period.QUARTER: 3, Period.HALF: 6, Period.YEAR: 12, Period.ONCE: 0}[self]
