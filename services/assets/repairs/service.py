"""Use cases of repair tickets: reported by anybody, handled by the village, checked by a second person."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from datetime import timedelta
from uuid import UUID

from services.assets import repository_base as records
from services.assets.custody.models import Inspection
from services.assets.errors import conflict
from services.assets.labels import repository as labels
from services.assets.policy import REPAIR_LIMITS
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED_STATES, UseState
from services.assets.register.models import Asset
from services.assets.register.rules import find_point
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
from shared.errors import RateLimited, invalid_field
from shared.files import uploads
from shared.files.remarks import PhotoClaim, list_photo_remarks
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import create_record
from shared.retention.erasure import ASKED_BY_THE_PERSON, ExpiringColumns, erase_columns
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

REPORTED_WITHIN = timedelta(days=7)
"""How long before a report or the end of works its photos may be taken without a remark."""
IMAGE_SIGNATURE_BYTES = 12
"""Leading bytes that identify an image format."""
REPAIR_CONTACT = ExpiringColumns(
    Repair, ("contact_sealed", "contact_masked"), (RepairState.CLOSED, RepairState.REJECTED)
)


async def create_repair_from_scan(work: UnitOfWork, code: str, body: RepairPost) -> RepairStatusRead:
    """Create a ticket from a label scan, without login. RateLimited above the limits of the rule repair.limits."""
    asset = await labels.system_get_by_code(work, code, lock=True)
    await check_repair_quota(work, asset)
    own_photos = await repository.system_list_own_photos(work, work.actor.id, body.photos)
    if missing := [photo for photo in body.photos if str(photo) not in own_photos]:
        raise invalid_field(
            "no_such_file", f"没有这张照片, 请先上传: {missing[0]}", "/photos", "Upload the photos first"
        )
    repair = await _insert_repair(work, asset, body, RepairSource.SCAN, own_photos)
    return build_repair_status(asset, repair)


async def validate_image_stream(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Pass the stream through; Invalid when its first bytes are not those of a JPEG, PNG or WebP."""
    head = b""
    async for chunk in chunks:
        checked = len(head) >= IMAGE_SIGNATURE_BYTES
        head += b"" if checked else chunk
        if not checked and len(head) >= IMAGE_SIGNATURE_BYTES:
            _check_image_signature(head)
            yield head
        elif checked:
            yield chunk
    if len(head) < IMAGE_SIGNATURE_BYTES:
        _check_image_signature(head)


def _check_image_signature(head: bytes) -> None:
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    if not is_webp and not head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        raise invalid_field("no_picture", "这不是 JPEG、PNG 或 WebP 照片", "", "This is not a picture")


async def check_photo_quota(work: UnitOfWork, code: str, size: int = 0) -> str:
    """Region of the asset; RateLimited when one more photo of `size` bytes is over a limit of the rule repair.limits."""
    asset = await labels.system_get_by_code(work, code)
    limits = (await work.get_rule(REPAIR_LIMITS, region=asset.region)).value
    photos = await repository.system_count_photos(work, work.actor.id, asset)
    if (
        photos.of_sender_hour >= limits.photos_per_sender_hour
        or photos.of_asset >= limits.photos_per_asset_day
        or photos.sender_bytes + size > limits.photo_mib_per_sender_day * uploads.MIB
    ):
        raise RateLimited("照片过多, 请稍后再试", "Too many photos", headers={"Retry-After": "3600"})
    if (
        photos.district_bytes + size > limits.photo_mib_per_district_day * uploads.MIB
        or photos.kept_bytes + size > limits.photo_gib_per_district * uploads.GIB
    ):
        raise RateLimited(
            "全县收到的公众照片已达限额, 请不带照片报修, 或联系村委会",
            "The district's photos without login are at their limit",
            headers={"Retry-After": "3600"},
        )
    return asset.region


async def admit_photo(work: UnitOfWork, code: str, size: int) -> None:
    """Check the limits again with the size of what arrived; photos that arrive together are counted one after the other."""
    await repository.system_lock_photos(work)
    await check_photo_quota(work, code, size)


async def check_repair_quota(work: UnitOfWork, asset: Asset) -> None:
    """RateLimited above the tickets per sender and hour or per asset and day of the rule repair.limits."""
    limits = (await work.get_rule(REPAIR_LIMITS, region=asset.region)).value
    sender_count, asset_count = await repository.system_count_recent_repairs(work, work.actor.id, asset.id)
    if sender_count >= limits.per_sender_hour or asset_count >= limits.per_asset_day:
        raise RateLimited(
            "报修过于频繁, 请稍后再试, 或联系村委会", "Too many tickets", headers={"Retry-After": "3600"}
        )


async def create_repair(work: UnitOfWork, asset_id: UUID, body: RepairPost) -> Repair:
    """Create a ticket by a keeper or inspector. Conflict when the asset is not on the register."""
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_INSPECT, asset.region)
    if asset.state not in COUNTED_STATES or asset.use is UseState.DISPOSED:
        raise conflict("not_registered", "资产不在册, 不能报修", "The asset is not on the register")
    files = await uploads.require_files(work, [str(file_id) for file_id in body.photos])
    return await _insert_repair(work, asset, body, RepairSource.KEEPER, files)


async def create_repair_from_inspection(work: UnitOfWork, asset: Asset, inspection: Inspection) -> Repair:
    """Create a ticket for damage that an inspection found, with its photos and what was remarked on them."""
    text = (inspection.findings.strip() or "巡查发现损坏")[:MAX_TEXT_LENGTH]
    body = RepairPost.model_construct(id=None, text=text, photos=[], contact=None)
    return await _insert_repair(work, asset, body, RepairSource.INSPECTION, {}, inspection)


async def _insert_repair(
    work: UnitOfWork,
    asset: Asset,
    body: RepairPost,
    source: RepairSource,
    files: Mapping[str, uploads.FileRead],
    inspection: Inspection | None = None,
) -> Repair:
    repair_id = body.id or new_id()
    photos = inspection.photos if inspection else [str(file_id) for file_id in body.photos]
    remarks = (
        inspection.photo_remarks if inspection else await _list_remarks(work, asset, photos, files, "报修")
    )
    encrypted_contact = (
        work.context.keyring.encrypt(body.contact, associated_data=f"repair:{repair_id}:contact")
        if body.contact
        else ""
    )
    repair, _ = await create_record(
        work,
        Repair,
        body,
        event=lambda repair: _transition_event(repair, "", RepairState.REPORTED),
        region=asset.region,
        id=repair_id,
        asset_id=asset.id,
        source=source,
        inspection_id=inspection.id if inspection else None,
        text=body.text,
        photos=photos,
        photo_remarks=remarks,
        contact_sealed=encrypted_contact,
        contact_masked=mask_phone(body.contact) if body.contact else "",
        state=RepairState.REPORTED,
        state_since=work.at,
    )
    return repair


async def _list_remarks(
    work: UnitOfWork, asset: Asset, photos: list[str], files: Mapping[str, uploads.FileRead], step: str
) -> list[str]:
    """Remarks on the photos of a report or of finished works, against the asset's place and the week before."""
    claim = PhotoClaim(work.rule_day - REPORTED_WITHIN, work.rule_day, find_point(asset))
    return [f"{step}{one}" for one in await list_photo_remarks(work, Repair, photos, files, claim)]


def _transition_event(repair: Repair, was: str, now: str) -> RepairMoved:
    return RepairMoved(repair_id=repair.id, asset_id=repair.asset_id, source=repair.source, was=was, now=now)


def build_repair_status(asset: Asset, repair: Repair) -> RepairStatusRead:
    """Status of a ticket, as the reporter may see it."""
    return RepairStatusRead(
        id=repair.id,
        state=repair.state,
        state_label=repair.state.label,
        asset_name=asset.name,
        due_on=repair.due_on,
        result=repair.result,
    )


async def get_repair_status(work: UnitOfWork, code: str, repair_id: UUID) -> RepairStatusRead:
    """Status of a ticket by its id, without login."""
    asset = await labels.system_get_by_code(work, code)
    return build_repair_status(asset, await repository.system_get_repair(work, asset.id, repair_id))


async def get_repair_detail(work: UnitOfWork, repair: Repair) -> RepairDetail:
    """A ticket with the actions available to the caller."""
    return RepairDetail.model_construct(
        **dict(RepairRead.model_validate(repair)),
        available_actions=available_actions(work, REPAIR, repair, RepairFacts()),
    )


async def get_repair(work: UnitOfWork, repair_id: UUID, *, lock: bool = False) -> Repair:
    """One ticket in the caller's regions; NotFound otherwise."""
    return await records.get_record(work, Repair, repair_id, "张报修单", lock=lock)


async def transition_repair(
    work: UnitOfWork,
    repair_id: UUID,
    action: RepairAction,
    body: RepairTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> RepairDetail | TransitionPreview:
    """Apply one transition to a ticket; on `dry_run` return a preview instead."""
    photos = [str(file_id) for file_id in body.photos]
    files = await uploads.require_files(work, photos)
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
            asset = await register.get_asset(work, repair.asset_id)
            remarks = await _list_remarks(work, asset, photos, files, "完工")
            repair.photo_remarks = [*repair.photo_remarks, *remarks]
        case RepairAction.REJECT | RepairAction.REDO:
            repair.result = body.reason
        case RepairAction.CHECK:
            repair.result = body.result or repair.result
    work.session.add(repair)
    return await get_repair_detail(work, repair)


async def erase_contact(work: UnitOfWork, repair_id: UUID) -> None:
    """Empty the reporter's contact, as that person may ask; a second call changes nothing."""
    repair = await get_repair(work, repair_id, lock=True)
    work.actor.require(May.ASSET_INSPECT, repair.region)
    await erase_columns(work, REPAIR_CONTACT, repair, reason=ASKED_BY_THE_PERSON)
