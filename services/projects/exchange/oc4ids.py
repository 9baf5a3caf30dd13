"""A project as others read infrastructure projects: OC4IDS 0.9 (open-contracting.org/infrastructure).

States map as published in STATUS. What we don't know is left out: the standard allows no empty values.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.projects.library.kinds import MoneyKind, Nature
from services.projects.library.models import PlannedMoney, Project, ProjectPlace
from services.projects.library.states import State
from shared.money import FEN_PER_YUAN
from shared.work import CHINA

VERSION = "0.9"
STATUS = {
    State.DRAFT: "identification",
    State.VILLAGE_NOTICE: "identification",
    State.TOWN_REVIEW: "identification",
    State.TOWN_NOTICE: "identification",
    State.APPRAISAL: "preparation",
    State.APPROVAL: "preparation",
    State.DISTRICT_NOTICE: "preparation",
    State.RETURNED: "identification",
    State.RESERVE: "preparation",
    State.PLANNED: "preparation",
    State.STARTED: "implementation",
    State.UNDER_CONSTRUCTION: "implementation",
    State.SUSPENDED: "implementation",
    State.COMPLETED: "completion",
    State.ACCEPTED: "completion",
    State.HANDED_OVER: "maintenance",
    State.CLOSED: "maintenance",
    State.WITHDRAWN: "cancelled",
    State.TERMINATED: "cancelled",
}
"""Our states → the projectStatus code list."""
TYPE = {
    Nature.NEW: "construction",
    Nature.CONTINUED: "construction",
    Nature.REBUILT_EXTENDED: "expansion",
    Nature.EXTENDED: "expansion",
    Nature.REBUILT: "rehabilitation",
    Nature.REPAIRED: "rehabilitation",
}
"""Nature of the works → the projectType code list; others have none."""
SECTORS = {
    "1.3.1": ("waterAndWaste",),
    "3.1.2": ("transport", "transport.road"),
    "3.1.3": ("transport", "transport.road"),
    "3.1.4": ("waterAndWaste",),
    "3.1.5": ("energy",),
    "3.1.6": ("communications",),
    "3.1.7": ("energy",),
    "3.2": ("waterAndWaste",),
    "3.3.1": ("education",),
    "3.3.2": ("health",),
    "5.1": ("socialHousing",),
}
"""Category code → the projectSector code list; others are economy (agriculture included)."""
_DEFAULT = "economy"


def project(one: Project, money: Iterable[PlannedMoney], places: Sequence[ProjectPlace]) -> dict[str, Any]:
    """One project."""
    authority = _party("authority", one.managing_unit, "publicAuthority")
    owner = _party("implementer", one.implementing_unit, "procuringEntity")
    found = {
        "id": f"xianjie-{one.id}",
        "updated": one.updated_at.isoformat(),
        "language": "zh",
        "identifiers": [{"id": one.library_code, "scheme": "CN-PROJECT-LIBRARY"}] if one.library_code else [],
        "title": one.name,
        "description": one.content,
        "status": STATUS[one.state],
        "type": TYPE.get(one.nature),
        "sector": _sectors(one.category),
        "additionalClassifications": [
            {"scheme": "CN-RURAL-PROJECT", "id": one.category, "description": one.category_label}
        ],
        "purpose": one.goal,
        "period": _period(one.planned_start, one.planned_end),
        "completion": {
            "endDate": _instant(one.completed_on),
            "finalValue": _value(one.settled) if one.settled else None,
        },
        "budget": {"amount": _value(one.total), "budgetBreakdowns": _breakdowns(money)},
        "locations": _locations(one, places),
        "publicAuthority": {"id": authority["id"], "name": authority["name"]} if authority else None,
        "parties": [party for party in (authority, owner) if party],
    }
    kept: dict[str, Any] = _without_empty(found)
    return kept


def package(projects: Sequence[dict[str, Any]], *, uri: str, publisher: str, at: datetime) -> dict[str, Any]:
    """A package of projects."""
    return {
        "uri": uri,
        "publishedDate": at.isoformat(),
        "version": VERSION,
        "publisher": {"name": publisher},
        "projects": list(projects),
    }


def _sectors(category: str) -> list[str]:
    parts = category.split(".")
    for size in range(len(parts), 0, -1):
        if found := SECTORS.get(".".join(parts[:size])):
            return list(found)
    return [_DEFAULT]


def _party(kind: str, name: str, role: str) -> dict[str, Any] | None:
    return {"id": f"{kind}-{name}", "name": name, "roles": [role]} if name.strip() else None


def _value(fen: int) -> dict[str, Any]:
    return {"amount": float(Decimal(fen) / FEN_PER_YUAN), "currency": "CNY"}


def _breakdowns(money: Iterable[PlannedMoney]) -> list[dict[str, Any]]:
    rows = [
        {"id": row.kind.value, "description": MoneyKind(row.kind).label, "amount": _value(row.amount)}
        for row in money
    ]
    return [{"id": "sources", "budgetBreakdown": rows}] if rows else []


def _locations(one: Project, places: Sequence[ProjectPlace]) -> list[dict[str, Any]]:
    found = [
        {
            "id": str(place.id),
            "description": place.address or one.place,
            "geometry": _point(place.lon, place.lat),
            "gazetteer": {"scheme": "CN-GB-T-2260", "identifiers": [place.region]},
        }
        for place in places
    ]
    return found or [
        {
            "id": str(one.id),
            "description": one.place,
            "geometry": _point(one.lon, one.lat),
            "gazetteer": {"scheme": "CN-GB-T-2260", "identifiers": [one.region]},
        }
    ]


def _point(lon: float | None, lat: float | None) -> dict[str, Any] | None:
    return {"type": "Point", "coordinates": [lon, lat]} if lon is not None and lat is not None else None


def _period(start: date | None, end: date | None) -> dict[str, Any]:
    return {"startDate": _instant(start), "endDate": _instant(end)}


def _instant(day: date | None) -> str | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=CHINA).isoformat()


def _without_empty(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        cleaned = {key: _without_empty(one) for key, one in value.items()}
        return {key: one for key, one in cleaned.items() if one not in (None, "", [], {})}
    if isinstance(value, list):
        return [_without_empty(one) for one in value]
    return value
