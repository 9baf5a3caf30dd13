"""Every change of an asset that moves a figure leaves its difference, written by the mapper itself: none can be forgotten."""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapper, Session, UOWTransaction, object_session

from services.assets.register.lifecycle import COUNTED
from services.assets.register.models import Asset, ProjectCard
from services.assets.totals.models import AssetDelta, ProjectDelta
from services.assets.totals.repository import system_registered_more
from shared.totals import before

DELTAS: sa.Table = AssetDelta.__table__  # type: ignore[attr-defined]
CARDS: sa.Table = ProjectCard.__table__  # type: ignore[attr-defined]
PROJECT_DELTAS: sa.Table = ProjectDelta.__table__  # type: ignore[attr-defined]
KEYS = ("region", "year", "asset_class", "owner_kind", "state", "use")
WATCHED = (*KEYS, "original_value", "project_id")
WAITING = "asset_deltas"


class Standing(NamedTuple):
    """Where an asset stands in the figures: its keys and its value."""

    keys: tuple[Any, ...]
    value: int
    project: Any


def _standing(values: dict[str, Any]) -> Standing | None:
    if values["state"] not in COUNTED:
        return None
    return Standing(tuple(values[key] for key in KEYS), values["original_value"], values["project_id"])


def _now(asset: Asset) -> dict[str, Any]:
    return {name: getattr(asset, name) for name in WATCHED}


def _gather(asset: Asset, was: Standing | None, now: Standing | None) -> None:
    session = object_session(asset)
    if was != now and session is not None:
        session.info.setdefault(WAITING, []).append((was, now))


@event.listens_for(Asset, "after_insert")
def _inserted(_mapper: Mapper[Asset], _connection: sa.Connection, asset: Asset) -> None:
    _gather(asset, None, _standing(_now(asset)))


@event.listens_for(Asset, "after_update")
def _updated(_mapper: Mapper[Asset], _connection: sa.Connection, asset: Asset) -> None:
    now = _now(asset)
    _gather(asset, _standing(before(asset, now)), _standing(now))


@event.listens_for(Session, "after_flush")
def _written(session: Session, _context: UOWTransaction) -> None:
    """The differences of a flush go out with it, in as few statements as there are tables."""
    if waiting := session.info.pop(WAITING, None):
        signed = [(one, sign) for pair in waiting for one, sign in zip(pair, (-1, 1), strict=True) if one]
        _write(session.connection(), signed)


def _write(connection: sa.Connection, signed: list[tuple[Standing, int]]) -> None:
    projects: dict[Any, int] = {}
    rows = []
    for one, sign in signed:
        rows.append({**dict(zip(KEYS, one.keys, strict=True)), "number": sign, "value": sign * one.value})
        if one.project is not None:
            projects[one.project] = projects.get(one.project, 0) + sign * one.value
    connection.execute(DELTAS.insert(), rows)
    for project in sorted(projects):
        changed = CARDS.update().where(CARDS.c.id == project)
        connection.execute(changed.values(registered=CARDS.c.registered + projects[project]))
        connection.execute(system_registered_more(project, projects[project]))


COSTS = ("region", "accepted_on", "settled", "registered")


class Cost(NamedTuple):
    """Where an accepted project stands in the figures, what it cost, and what is registered for it."""

    region: str
    year: int
    settled: int
    registered: int


def _cost(values: dict[str, Any]) -> Cost | None:
    on = values["accepted_on"]
    return Cost(values["region"], on.year, values["settled"], values["registered"]) if on else None


def _written_card(connection: sa.Connection, was: Cost | None, now: Cost | None) -> None:
    rows = [
        {"region": one.region, "year": one.year, "number": sign, "settled": sign * one.settled,
         "registered": sign * one.registered}
        for one, sign in ((was, -1), (now, 1))
        if one is not None
    ]  # fmt: skip
    if was != now:
        connection.execute(PROJECT_DELTAS.insert(), rows)


@event.listens_for(ProjectCard, "after_insert")
def _card_inserted(_mapper: Mapper[ProjectCard], connection: sa.Connection, card: ProjectCard) -> None:
    _written_card(connection, None, _cost(vars(card)))


@event.listens_for(ProjectCard, "after_update")
def _card_updated(_mapper: Mapper[ProjectCard], connection: sa.Connection, card: ProjectCard) -> None:
    now = {name: getattr(card, name) for name in COSTS}
    _written_card(connection, _cost(before(card, now)), _cost(now))
