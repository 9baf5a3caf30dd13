"""Repair tickets: written by anybody, worked on by the village, checked by a second person."""

from collections.abc import AsyncIterable, AsyncIterator
from datetime import timedelta
from uuid import UUID

from services.assets import repository_base as scoped
from services.assets.errors import conflict, invalid
from services.assets.labels import repository as codes
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED_STATES, UseState
from services.assets.register.models import Asset
from services.assets.repairs import repository
from services.assets.repairs.events import RepairMoved
from services.assets.repairs.lifecycle import REPAIR, RepairAction, RepairFacts, RepairState
from services.assets.repairs.models import Repair
from services.assets.repairs.schemas import (
    MAX_TEXT_LENGTH,
    RepairDetail,
    RepairPost,
    RepairRead,
    RepairSource,
    RepairStatusRead,
    RepairTransitionRequest,
)
from shared.auth import May, mask_phone
from shared.db import new_id
from shared.errors import RateLimited
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import create_record
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

IMAGE_SIGNATURE_BYTES = 12
"""Bytes that tell a picture's kind."""


async def create_repair_from_scan(work: UnitOfWork, code: str, body: RepairPost) -> RepairStatusRead:
    """A ticket from whoever scanned the label. TooMany above the district's limits."""
    asset = await codes.system_get_by_code(work, code, lock=True)
    await check_repair_quota(work, asset)
    if body.photos:
        own = await repository.system_list_own_photos(work, work.actor.id, body.photos)
        if lost := [one for one in body.photos if one not in own]:
            raise invalid(
                "no_such_file", f"没有这张照片, 请先上传: {lost[0]}", "/photos", "Upload the photos first"
            )
    repair = await _insert_repair(work, asset, body, RepairSource.SCAN)
    return build_repair_status(asset, repair)


async def validate_image_stream(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The stream as it came; Invalid when its first bytes are not those of a JPEG, PNG or WebP."""
    first = b""
    async for chunk in chunks:
        known = len(first) >= IMAGE_SIGNATURE_BYTES
        first += b"" if known else chunk
        if not known and len(first) >= IMAGE_SIGNATURE_BYTES:
            _check_image_signature(first)
            yield first
        elif known:
            yield chunk
    if len(first) < IMAGE_SIGNATURE_BYTES:
        _check_image_signature(first)


def _check_image_signature(first: bytes) -> None:
    webp = first[:4] == b"RIFF" and first[8:12] == b"WEBP"
    if not webp and not first.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        raise invalid("no_picture", "这不是 JPEG、PNG 或 WebP 照片", "", "This is not a picture")


async def check_photo_quota(work: UnitOfWork, code: str) -> str:
    """The asset's region when one more photo may be sent about it. TooMany above the district's limit for a sender."""
    asset = await codes.system_get_by_code(work, code)
    limits = (await work.get_rule("repair.limits", region=asset.region)).value
    sent = await repository.system_count_photos(work, work.actor.id, work.at - timedelta(hours=1))
    if sent >= int(limits["photos_per_sender_hour"]):
        raise RateLimited("照片过多, 请稍后再试", "Too many photos", headers={"Retry-After": "3600"})
    return asset.region


async def check_repair_quota(work: UnitOfWork, asset: Asset) -> None:
    """So many tickets an hour from one sender, so many a day about one asset."""
    limits = (await work.get_rule("repair.limits", region=asset.region)).value
    sender, about = await repository.system_count_recent_repairs(work, work.actor.id, asset.id)
    if sender >= int(limits["per_sender_hour"]) or about >= int(limits["per_asset_day"]):
        raise RateLimited(
            "报修过于频繁, 请稍后再试, 或联系村委会", "Too many tickets", headers={"Retry-After": "3600"}
        )


async def create_repair(work: UnitOfWork, asset_id: UUID, body: RepairPost) -> Repair:
    """A ticket from somebody who looks after the asset."""
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_INSPECT, asset.region)
    if asset.state not in COUNTED_STATES or asset.use is UseState.DISPOSED:
        raise conflict("not_registered", "资产不在册, 不能报修", "The asset is not on the register")
    await uploads.require_files(work, [str(one) for one in body.photos])
    return await _insert_repair(work, asset, body, RepairSource.KEEPER)


async def create_repair_from_inspection(
    work: UnitOfWork, asset: Asset, inspection_id: UUID, text: str, photos: list[str]
) -> Repair:
    """A ticket for what an inspection found broken."""
    body = RepairPost.model_construct(
        id=None, text=(text.strip() or "巡查发现损坏")[:MAX_TEXT_LENGTH], photos=[], contact=None
    )
    return await _insert_repair(
        work, asset, body, RepairSource.INSPECTION, inspection_id=inspection_id, photos=photos
    )


async def _insert_repair(
    work: UnitOfWork,
    asset: Asset,
    body: RepairPost,
    source: RepairSource,
    *,
    inspection_id: UUID | None = None,
    photos: list[str] | None = None,
) -> Repair:
    repair_id = body.id or new_id()
    sealed = (
        work.context.keyring.encrypt(body.contact, associated_data=f"repair:{repair_id}:contact")
        if body.contact
        else ""
    )
    repair, fresh = await create_record(
        work,
        Repair,
        body,
        region=asset.region,
        id=repair_id,
        asset_id=asset.id,
        source=source,
        inspection_id=inspection_id,
        text=body.text,
        photos=photos or [str(one) for one in body.photos],
        contact_sealed=sealed,
        contact_masked=mask_phone(body.contact) if body.contact else "",
        state=RepairState.REPORTED,
        state_since=work.at,
    )
    if fresh:
        await work.publish(_transition_event(repair, "", RepairState.REPORTED), repair)
    return repair


def _transition_event(repair: Repair, was: str, now: str) -> RepairMoved:
    return RepairMoved(repair_id=repair.id, asset_id=repair.asset_id, source=repair.source, was=was, now=now)


def build_repair_status(asset: Asset, repair: Repair) -> RepairStatusRead:
    """What the sender is told."""
    return RepairStatusRead(
        id=repair.id,
        state=repair.state,
        state_label=repair.state.label,
        asset_name=asset.name,
        due_on=repair.due_on,
        result=repair.result,
    )


async def get_repair_status(work: UnitOfWork, code: str, repair_id: UUID) -> RepairStatusRead:
    """How a ticket stands, for whoever holds its number."""
    asset = await codes.system_get_by_code(work, code)
    return build_repair_status(asset, await repository.system_get_repair(work, asset.id, repair_id))


async def get_repair_detail(work: UnitOfWork, repair: Repair) -> RepairDetail:
    """A ticket and what the caller could do."""
    return RepairDetail.model_construct(
        **dict(RepairRead.model_validate(repair)),
        available_actions=available_actions(work, REPAIR, repair, RepairFacts()),
    )


async def get_repair(work: UnitOfWork, repair_id: UUID, *, lock: bool = False) -> Repair:
    """One ticket of the caller's regions."""
    return await scoped.get_record(work, Repair, repair_id, "张报修单", lock=lock)


async def transition_repair(
    work: UnitOfWork,
    repair_id: UUID,
    action: RepairAction,
    body: RepairTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> RepairDetail | TransitionPreview:
    """One step of a ticket."""
    photos = [str(one) for one in body.photos]
    await uploads.require_files(work, photos)
    repair = await get_repair(work, repair_id, lock=True)
    when = body.happened_at or work.at
    facts = RepairFacts(
        person=body.person,
        due_on=body.due_on,
        on=when.astimezone(CHINA_TIME_ZONE).date(),
        photos=len(photos),
        cost=body.cost,
        reason=body.reason,
    )
    preview = await apply_transition(
        work,
        REPAIR,
        repair,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _transition_event(repair, was, now),
    )
    if preview is not None:
        return preview
    match action:
        case RepairAction.ACCEPT:
            repair.person, repair.due_on = body.person, body.due_on
        case RepairAction.FINISH:
            repair.cost, repair.cost_source, repair.after_photos = body.cost, body.cost_source, photos
            repair.finished_by, repair.finished_on = work.actor.id, when.astimezone(CHINA_TIME_ZONE).date()
            repair.result = body.result
        case RepairAction.REJECT | RepairAction.REDO:
            repair.result = body.reason
        case RepairAction.CHECK:
            repair.result = body.result or repair.result
    work.session.add(repair)
    return await get_repair_detail(work, repair)
