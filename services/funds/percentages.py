"""Percentages in integer arithmetic: formatted shares (占比) and comparison with a limit."""


def format_percent(part: int, whole: int) -> str:
    """Format part/whole as percent with two decimals, rounded half up in integers; "0.00" if whole is 0."""
    hundredths = (part * 20000 + whole) // (2 * whole) if whole else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def exceeds_percent(part: int, whole: int, limit: str) -> bool:
    """Whether part/whole exceeds a limit in percent with at most two decimals ("1", "1.50")."""
    return part * 10000 > whole * parse_hundredths(limit)


def parse_hundredths(percent: str) -> int:
    """Parse a percentage with at most two decimals to hundredths of a percent: "1.5" is 150."""
    integer, _, decimals = percent.partition(".")
    return int(integer + decimals.ljust(2, "0")[:2])
