"""A thread told step by step; pure."""

from collections.abc import Mapping
from typing import Any

from services.gateway.threads.kinds import TELLINGS, Telling
from services.gateway.threads.schemas import Step

LONGEST = 120


def steps(parts: Mapping[str, list[dict[str, Any]]]) -> list[Step]:
    """Every record as a step, by day; within a day in the order money flows."""
    told = [
        (telling, row) for telling in TELLINGS for row in parts.get(telling.part, []) if isinstance(row, dict)
    ]
    found = [_step(telling, row) for telling, row in told]
    return sorted(found, key=lambda step: step.on or "9999")


def _step(telling: Telling, row: Mapping[str, Any]) -> Step:
    words = [str(row[name]) for name in telling.words.split() if row.get(name) not in {None, ""}]
    return Step(
        label=telling.label,
        on=next((str(row[name])[:10] for name in telling.day.split() if row.get(name)), ""),
        text=" ".join(words)[:LONGEST],
        amount=str(row.get(telling.amount) or "") if telling.amount else "",
        state=str(row.get("state") or ""),
        service=telling.service,
        id=str(row.get("id", "")),
        address="/api/v1" + telling.address.format_map(_Blank(row)),
    )


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""
