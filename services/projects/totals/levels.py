"""How deep a region lies, and what lies right below it."""

from shared.access import LEVELS


def below(region: str) -> int:
    """How many digits name the regions right below this one."""
    at = next(n for n in LEVELS if not region[n:].strip("0"))
    return LEVELS[min(LEVELS.index(at) + 1, len(LEVELS) - 1)]
