"""Percentages in integer arithmetic: formatted shares (占比) and comparison with a limit."""


def format_percent(part: int, whole: int) -> str:
    """A share with two decimals, "0.00" of nothing; rounded half up, in integers."""
    hundredths = (part * 20000 + whole) // (2 * whole) if whole else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def exceeds_percent(part: int, whole: int, limit: str) -> bool:
    """Whether part/whole exceeds a limit given in percent with at most two decimals ("1", "1.50")."""
    left, _, right = limit.partition(".")
    return part * 10000 > whole * int(left + right.ljust(2, "0")[:2])
