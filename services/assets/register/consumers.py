"""Handling of project events: project snapshots, and drafts of accepted projects, created exactly once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.assets.policy import OPERATING_CATEGORIES, SUBCLASSES
from services.assets.register import repository
from services.assets.register.events import AssetEntered
from services.assets.register.lifecycle import AssetState, UseState
from services.assets.register.models import Asset, CachedProject
from services.assets.register.schemas import AssetClass, AssetOrigin, OwnerKind
from shared.china import Datum
from shared.clients.projects import (
    BuiltAsset,
    ProjectAccepted,
    ProjectMoved,
    ProjectSnapshot,
    get_snapshot_columns,
)
from shared.db import new_id
from shared.events import Envelope
from shared.records import log_event
from shared.unit_of_work import UnitOfWork


async def update_cached_project(
    work: UnitOfWork, envelope: Envelope, event: ProjectMoved | ProjectAccepted
) -> None:
    """Update the cached project; an event older than the stored version adds only what the project itself does not change."""
    project = await _get_or_build_project(work, envelope, event.project_id)
    is_older = envelope.subject_version < project.version
    for name, value in get_snapshot_columns(event).items():
        if name in CachedProject.model_fields and not (is_older and name in ProjectSnapshot.model_fields):
            setattr(project, name, value)
    if not is_older:
        project.region, project.version = envelope.region, envelope.subject_version
    work.session.add(project)


async def create_drafts(work: UnitOfWork, envelope: Envelope, acceptance: ProjectAccepted) -> list[Asset]:
    """Create one draft per built item of the acceptance report, or one for the whole project; none if drafts exist already."""
    await update_cached_project(work, envelope, acceptance)
    await work.session.flush()
    if await repository.system_count_built_assets(work, acceptance.project_id):
        return []
    subclasses = (await work.get_rule(SUBCLASSES, on=acceptance.completed_on, region=envelope.region)).value
    operating_categories = (await work.get_rule(OPERATING_CATEGORIES, region=envelope.region)).value
    default_class = _default_class(acceptance, operating_categories)
    built_assets = acceptance.built or (_project_as_asset(acceptance),)
    values = _complete_values(built_assets, acceptance.settled)
    drafts = [
        _build_draft(
            work, envelope, acceptance, index, _classify_asset(built, default_class, subclasses), value
        )
        for index, (built, value) in enumerate(zip(built_assets, values, strict=True))
    ]
    work.session.add_all(drafts)
    await work.session.flush()
    await repository.index_assets(work, drafts)
    for asset in drafts:
        event = AssetEntered(asset_id=asset.id, origin=asset.origin, project_id=asset.project_id)
        await log_event(work, asset, event, happened_at=envelope.recorded_at)
    return drafts


async def _get_or_build_project(work: UnitOfWork, envelope: Envelope, project_id: UUID) -> CachedProject:
    project = await repository.system_lock_project(work, project_id)
    if project is not None:
        return project
    registered = await repository.system_sum_registered_value(work, project_id)
    return CachedProject(id=project_id, region=envelope.region, registered=registered)


def _default_class(acceptance: ProjectAccepted, operating_categories: Sequence[str]) -> AssetClass:
    """Class of a project's assets where the report names none, by household flag and category (rule births.operating_categories)."""
    if acceptance.household:
        return AssetClass.HOUSEHOLD
    is_operating = any(
        acceptance.category == category or acceptance.category.startswith(f"{category}.")
        for category in operating_categories
    )
    return AssetClass.OPERATING if is_operating else AssetClass.PUBLIC


def _project_as_asset(acceptance: ProjectAccepted) -> BuiltAsset:
    return BuiltAsset.model_construct(name=acceptance.name, quantity="1", unit="项", value=acceptance.settled)


def _complete_values(built_assets: Sequence[BuiltAsset], settled: int) -> list[int]:
    """Values of the built items in 分; a single item without a value gets the rest of the settled cost."""
    unvalued = [built for built in built_assets if not built.value]
    remainder = settled - sum(built.value for built in built_assets)
    fill_remainder = len(unvalued) == 1 and remainder > 0
    return [built.value or (remainder if fill_remainder else 0) for built in built_assets]


def _classify_asset(
    built: BuiltAsset, default_class: AssetClass, subclasses: Mapping[AssetClass, dict[str, str]]
) -> tuple[BuiltAsset, AssetClass, str]:
    """The built item with its class and subclass as codes; the report may name either by label."""
    class_by_text = {
        **{asset_class.label: asset_class for asset_class in AssetClass},
        **{str(asset_class): asset_class for asset_class in AssetClass},
    }
    class_by_text |= {asset_class.label.removesuffix("资产"): asset_class for asset_class in AssetClass}
    asset_class = class_by_text.get(built.asset_class) or default_class
    codes = subclasses[asset_class]
    labels = {label: code for code, label in codes.items()}
    subclass = built.subclass if built.subclass in codes else labels.get(built.subclass, "")
    return built, asset_class, subclass


def _build_draft(
    work: UnitOfWork,
    envelope: Envelope,
    acceptance: ProjectAccepted,
    index: int,
    classified: tuple[BuiltAsset, AssetClass, str],
    value: int,
) -> Asset:
    built, asset_class, subclass = classified
    since: datetime = envelope.recorded_at
    place = None
    if acceptance.lon is not None and acceptance.lat is not None:
        place = {"lon": acceptance.lon, "lat": acceptance.lat, "datum": Datum.WGS84.value}
    return Asset(
        id=new_id(),
        region=envelope.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        name=built.name[:200],
        asset_class=asset_class,
        subclass=subclass,
        origin=AssetOrigin.ACCEPTANCE,
        project_id=acceptance.project_id,
        project_name=acceptance.name[:300],
        built_index=index,
        year=acceptance.completed_on.year,
        built_on=acceptance.completed_on,
        original_value=value,
        quantity=built.quantity[:40],
        unit=built.unit[:20],
        address=acceptance.place[:300],
        lon=acceptance.lon,
        lat=acceptance.lat,
        place=place,
        owner_kind=OwnerKind.HOUSEHOLD if asset_class is AssetClass.HOUSEHOLD else OwnerKind.UNKNOWN,
        builder=acceptance.unit[:200],
        managing_unit=acceptance.managing_unit[:200],
        state=AssetState.DRAFT,
        state_since=since,
        use=UseState.IN_USE,
        use_since=since,
    )
