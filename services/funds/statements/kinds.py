"""Code sets of reconciliation."""

from shared.labels import Labelled


class Side(Labelled):
    """哪一方的记录."""

    THEIRS = "theirs", "对方"
    OURS = "ours", "我方"


class Match(Labelled):
    """比对结果."""

    EXACT = "exact", "相符"
    TOLERATED = "tolerated", "容差内相符"
    DIFFERS = "differs", "不符"
    ALONE = "alone", "单边"
    RESOLVED = "resolved", "已说明"


class StatementState(Labelled):
    """对账单状态."""

    OPEN = "open", "对账中"
    CLOSED = "closed", "已结清"


OPEN = frozenset({Match.DIFFERS, Match.ALONE})
"""Results that still need somebody."""
