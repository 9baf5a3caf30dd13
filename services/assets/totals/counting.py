"""Every change of an asset that moves a figure leaves its difference, written by the mapper itself: none can be forgotten."""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapper

from services.assets.register.lifecycle import COUNTED
from services.assets.register.models import Asset, ProjectCard
from services.assets.totals.models import AssetDelta

DELTAS: sa.Table = AssetDelta.__table__  # type: ignore[attr-defined]
CARDS: sa.Table = ProjectCard.__table__  # type: ignore[attr-defined]
KEYS = ("region", "year", "asset_class", "owner_kind", "state", "use")
WATCHED = (*KEYS, "original_value", "project_id")


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


def _before(asset: Asset) -> dict[str, Any]:
    state: Any = sa.inspect(asset)
    found = _now(asset)
    for name in WATCHED:
        gone = state.attrs[name].history.deleted
        if gone:
            found[name] = gone[0]
    return found


def _write(connection: sa.Connection, was: Standing | None, now: Standing | None) -> None:
    if was == now:
        return
    rows = [(was, -1), (now, 1)]
    for standing, sign in rows:
        if standing is None:
            continue
        keys = dict(zip(KEYS, standing.keys, strict=True))
        connection.execute(DELTAS.insert().values(number=sign, value=sign * standing.value, **keys))
        if standing.project is not None:
            changed = CARDS.update().where(CARDS.c.id == standing.project)
            connection.execute(changed.values(registered=CARDS.c.registered + sign * standing.value))


@event.listens_for(Asset, "after_insert")
def _inserted(_mapper: Mapper[Asset], connection: sa.Connection, asset: Asset) -> None:
    _write(connection, None, _standing(_now(asset)))


@event.listens_for(Asset, "after_update")
def _updated(_mapper: Mapper[Asset], connection: sa.Connection, asset: Asset) -> None:
    _write(connection, _standing(_before(asset)), _standing(_now(asset)))
