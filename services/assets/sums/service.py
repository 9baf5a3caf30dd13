"""Figures of a region and of a project."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from services.assets.register.kinds import AssetClass, OwnerKind
from services.assets.register.lifecycle import AssetState, UseState
from services.assets.sums import repository
from services.assets.sums.schemas import Agreement, AssetSummary, Part
from services.assets.totals import repository as totals
from shared.contracts.assets import Coverage
from shared.labels import Labelled
from shared.permissions import May
from shared.work import Work

CONFIRMED = (AssetState.CONFIRMED, AssetState.OFFERED, AssetState.HANDED_OVER)


async def coverage(work: Work, project_id: UUID) -> Coverage:
    """What a project's money became; zeros when nothing was registered."""
    found: dict[str, Any] = await repository.coverage(work, project_id)
    return Coverage.model_construct(project_id=project_id, **found)


async def summary(work: Work, region: str, year: int | None) -> AssetSummary:
    """Counts and original values of the registered assets of a region, the same total in every breakdown."""
    kinds: dict[str, type[Labelled]] = {
        "asset_class": AssetClass,
        "owner_kind": OwnerKind,
        "state": AssetState,
        "use": UseState,
    }
    rows = await _rows(work, region, year, tuple(kinds))
    behind = f"region={region}&counted=true" + (f"&year={year}" if year is not None else "")
    by = {name: list(_parts(name, kind, rows[name], behind)) for name, kind in kinds.items()}
    count = sum(part.count for part in by["asset_class"])
    confirmed = sum(part.count for part in by["state"] if part.key in CONFIRMED)
    return AssetSummary.model_construct(
        region=region,
        year=year,
        count=count,
        value=sum(part.value for part in by["asset_class"]),
        confirmed_percent=percent(confirmed, count),
        by_class=by["asset_class"],
        by_owner=by["owner_kind"],
        by_state=by["state"],
        by_use=by["use"],
        agreement=await _agreement(work, region, year),
    )


async def _rows(
    work: Work, region: str, year: int | None, names: tuple[str, ...]
) -> dict[str, list[tuple[str, int, int]]]:
    """(key, count, value) per breakdown: from the running totals, or counted where the caller sees only a part."""
    if not work.actor.sees(May.ASSET_READ, region):
        return {name: await repository.figures(work, region, year, name) for name in names}
    found: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in names}
    for row in await totals.figures(work, region, year):
        for name in names:
            number, value = found[name].get(str(getattr(row, name)), (0, 0))
            found[name][str(getattr(row, name))] = (number + int(row.number), value + int(row.value))
    return {name: [(key, *figures) for key, figures in found[name].items()] for name in names}


def _parts(
    name: str, kind: type[Labelled], rows: Iterable[tuple[str, int, int]], behind: str
) -> Iterable[Part]:
    known = {key: (count, value) for key, count, value in rows}
    for member in kind:
        if member in known:
            count, value = known[member]
            yield Part.model_construct(
                key=member, label=member.label, count=count, value=value, filter=f"{behind}&{name}={member}"
            )


async def _agreement(work: Work, region: str, year: int | None) -> Agreement:
    whole = work.actor.sees(May.ASSET_READ, region)
    ask = totals.projects if whole else repository.settled
    projects, settled, registered = await ask(work, region, year)
    return Agreement.model_construct(
        projects=projects, settled=settled, registered=registered, difference=registered - settled
    )


def percent(part: int, whole: int) -> str:
    """A share with one decimal, rounded half up, "0.0" of nothing."""
    tenths = (part * 2000 + whole) // (2 * whole) if whole else 0
    return f"{tenths // 10}.{tenths % 10}"
