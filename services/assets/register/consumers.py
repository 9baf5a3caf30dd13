"""Drafts born from accepted projects, exactly once, and what is remembered of each project."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.assets.register import repository
from services.assets.register.events import AssetEntered
from services.assets.register.lifecycle import AssetState, UseState
from services.assets.register.models import Asset, ProjectSnapshot
from services.assets.register.schemas import AssetClass, Origin, OwnerKind
from shared.china import Datum
from shared.clients.projects import BuiltAsset, ProjectAccepted, ProjectMoved
from shared.db import new_id
from shared.events import Envelope
from shared.unit_of_work import UnitOfWork


async def update_project_snapshot(work: UnitOfWork, envelope: Envelope, moved: ProjectMoved) -> None:
    """Keep name and state of a project; an older version than the one known changes nothing."""
    card = await _get_or_build_snapshot(work, envelope, moved.project_id)
    if envelope.subject_version < card.version:
        return
    card.name, card.code, card.category, card.state = moved.name, moved.code, moved.category, moved.now
    card.region, card.version = envelope.region, envelope.subject_version
    work.session.add(card)


async def create_drafts(work: UnitOfWork, envelope: Envelope, accepted: ProjectAccepted) -> list[Asset]:
    """One draft per thing the acceptance report names, or one for the whole; none when they were opened before."""
    card = await _get_or_build_snapshot(work, envelope, accepted.project_id)
    card.name, card.code, card.category = accepted.name, accepted.code, accepted.category
    card.settled, card.accepted_on, card.unit = accepted.settled, accepted.accepted_on, accepted.unit
    work.session.add(card)
    await work.session.flush()
    if await repository.system_count_built_assets(work, accepted.project_id):
        return []
    subclasses = (await work.get_rule("codes.subclass", on=accepted.completed_on)).value
    earning = (await work.get_rule("births.operating_categories")).value
    kind = _default_class(accepted, earning)
    things = accepted.built or (_project_as_asset(accepted, kind),)
    values = _complete_values(things, accepted.settled)
    born = [
        _build_draft(work, envelope, accepted, at, _classify_asset(thing, kind, subclasses), value)
        for at, (thing, value) in enumerate(zip(things, values, strict=True))
    ]
    work.session.add_all(born)
    await work.session.flush()
    await repository.index_assets(work, born)
    for asset in born:
        event = AssetEntered(asset_id=asset.id, origin=asset.origin, project_id=asset.project_id)
        await work.publish(event, asset, happened_at=envelope.recorded_at)
    return born


async def _get_or_build_snapshot(work: UnitOfWork, envelope: Envelope, project_id: UUID) -> ProjectSnapshot:
    found = await repository.system_lock_project(work, project_id)
    if found is not None:
        return found
    registered = await repository.system_sum_registered_value(work, project_id)
    return ProjectSnapshot(id=project_id, region=envelope.region, registered=registered)


def _default_class(accepted: ProjectAccepted, earning: Sequence[str]) -> AssetClass:
    """The class of a project's assets where the report does not say."""
    if accepted.household:
        return AssetClass.HOUSEHOLD
    inside = any(accepted.category == one or accepted.category.startswith(f"{one}.") for one in earning)
    return AssetClass.OPERATING if inside else AssetClass.PUBLIC


def _project_as_asset(accepted: ProjectAccepted, kind: AssetClass) -> BuiltAsset:
    return BuiltAsset.model_construct(name=accepted.name, asset_class=kind, value=accepted.settled)


def _complete_values(things: Sequence[BuiltAsset], settled: int) -> list[int]:
    """What the report says; a single thing without a value gets what the others leave of the settled cost."""
    silent = [thing for thing in things if not thing.value]
    rest = settled - sum(thing.value for thing in things)
    alone = len(silent) == 1 and rest > 0
    return [thing.value or (rest if alone else 0) for thing in things]


def _classify_asset(
    thing: BuiltAsset, otherwise: AssetClass, subclasses: dict[str, dict[str, str]]
) -> tuple[BuiltAsset, AssetClass, str]:
    """The thing with its class and subclass in our codes; a report may write either as a label."""
    by_word = {**{kind.label: kind for kind in AssetClass}, **{str(kind): kind for kind in AssetClass}}
    by_word |= {kind.label.removesuffix("资产"): kind for kind in AssetClass}
    kind = by_word.get(thing.asset_class) or otherwise
    codes = subclasses[kind]
    labels = {label: code for code, label in codes.items()}
    subclass = thing.subclass if thing.subclass in codes else labels.get(thing.subclass, "")
    return thing, kind, subclass


def _build_draft(
    work: UnitOfWork,
    envelope: Envelope,
    accepted: ProjectAccepted,
    index: int,
    sorted_out: tuple[BuiltAsset, AssetClass, str],
    value: int,
) -> Asset:
    thing, kind, subclass = sorted_out
    since: datetime = envelope.recorded_at
    place = None
    if accepted.lon is not None and accepted.lat is not None:
        place = {"lon": accepted.lon, "lat": accepted.lat, "datum": Datum.WGS84.value}
    return Asset(
        id=new_id(),
        region=envelope.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        name=thing.name[:200],
        asset_class=kind,
        subclass=subclass,
        origin=Origin.ACCEPTANCE,
        project_id=accepted.project_id,
        project_name=accepted.name[:300],
        built_index=index,
        year=accepted.completed_on.year,
        built_on=accepted.completed_on,
        original_value=value,
        quantity=thing.quantity[:40],
        unit=thing.unit[:20],
        address=accepted.place[:300],
        lon=accepted.lon,
        lat=accepted.lat,
        place=place,
        owner_kind=OwnerKind.HOUSEHOLD if kind is AssetClass.HOUSEHOLD else OwnerKind.UNKNOWN,
        builder=accepted.unit[:200],
        state=AssetState.DRAFT,
        state_since=since,
        use=UseState.IN_USE,
        use_since=since,
    )
