"""Repair tickets: written by anybody, worked on by the village, checked by a second person."""

from collections.abc import AsyncIterable, AsyncIterator
from datetime import timedelta
from uuid import UUID

from services.assets.labels import repository as codes
from services.assets.refusals import not_now, wrong
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED, UseState
from services.assets.register.models import Asset
from services.assets.repairs import repository
from services.assets.repairs.kinds import Source
from services.assets.repairs.lifecycle import REPAIR, RepairAction, RepairFacts, RepairState
from services.assets.repairs.models import Repair
from services.assets.repairs.schemas import (
    LONGEST,
    RepairAct,
    RepairDetail,
    RepairPost,
    RepairRead,
    RepairReceived,
)
from services.assets.scoped import repository as scoped
from shared import files
from shared.contracts.assets import AssetEvent
from shared.creates import create
from shared.errors import TooMany
from shared.http import Match
from shared.ids import new_id
from shared.moves import Preview, fire, offers
from shared.permissions import May
from shared.personal import mask_phone
from shared.work import CHINA, Work

LONGEST_MARK = 12
"""Bytes that tell a picture's kind."""


class RepairMoved(AssetEvent):
    """报修单换了状态; `was` is empty when it was written."""

    topic = "repair.moved"
    repair_id: UUID
    asset_id: UUID
    source: str
    was: str
    now: str


async def report(work: Work, code: str, body: RepairPost) -> RepairReceived:
    """A ticket from whoever scanned the label. TooMany above the district's limits."""
    asset = await codes.system_by_code(work, code, lock=True)
    await within_limits(work, asset)
    if body.photos:
        own = await repository.system_own_photos(work, work.actor.id, body.photos)
        if lost := [one for one in body.photos if one not in own]:
            raise wrong(
                "no_such_file", f"没有这张照片, 请先上传: {lost[0]}", "/photos", "Upload the photos first"
            )
    repair = await _write(work, asset, body, Source.SCAN)
    return told(asset, repair)


async def pictures(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The stream as it came; Invalid when its first bytes are not those of a JPEG, PNG or WebP."""
    first = b""
    async for chunk in chunks:
        known = len(first) >= LONGEST_MARK
        first += b"" if known else chunk
        if not known and len(first) >= LONGEST_MARK:
            _refuse_unless_picture(first)
            yield first
        elif known:
            yield chunk
    if len(first) < LONGEST_MARK:
        _refuse_unless_picture(first)


def _refuse_unless_picture(first: bytes) -> None:
    webp = first[:4] == b"RIFF" and first[8:12] == b"WEBP"
    if not webp and not first.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        raise wrong("no_picture", "这不是 JPEG、PNG 或 WebP 照片", "", "This is not a picture")


async def may_send_photo(work: Work, code: str) -> str:
    """The asset's region when one more photo may be sent about it. TooMany above the district's limit for a sender."""
    asset = await codes.system_by_code(work, code)
    limits = (await work.rule("repair.limits", region=asset.region)).value
    sent = await repository.system_photos_sent(work, work.actor.id, work.at - timedelta(hours=1))
    if sent >= int(limits["photos_per_sender_hour"]):
        raise TooMany("照片过多, 请稍后再试", "Too many photos", headers={"Retry-After": "3600"})
    return asset.region


async def within_limits(work: Work, asset: Asset) -> None:
    """So many tickets an hour from one sender, so many a day about one asset."""
    limits = (await work.rule("repair.limits", region=asset.region)).value
    sender, about = await repository.system_sent(work, work.actor.id, asset.id)
    if sender >= int(limits["per_sender_hour"]) or about >= int(limits["per_asset_day"]):
        raise TooMany(
            "报修过于频繁, 请稍后再试, 或联系村委会", "Too many tickets", headers={"Retry-After": "3600"}
        )


async def enter(work: Work, asset_id: UUID, body: RepairPost) -> Repair:
    """A ticket from somebody who looks after the asset."""
    asset = await register.get(work, asset_id, lock=True)
    work.actor.require(May.ASSET_INSPECT, asset.region)
    if asset.state not in COUNTED or asset.use is UseState.DISPOSED:
        raise not_now("not_registered", "资产不在册, 不能报修", "The asset is not on the register")
    await files.require(work, [str(one) for one in body.photos])
    return await _write(work, asset, body, Source.KEEPER)


async def from_inspection(
    work: Work, asset: Asset, inspection_id: UUID, text: str, photos: list[str]
) -> Repair:
    """A ticket for what an inspection found broken."""
    body = RepairPost.model_construct(
        id=None, text=(text.strip() or "巡查发现损坏")[:LONGEST], photos=[], contact=None
    )
    return await _write(work, asset, body, Source.INSPECTION, inspection_id=inspection_id, photos=photos)


async def _write(
    work: Work,
    asset: Asset,
    body: RepairPost,
    source: Source,
    *,
    inspection_id: UUID | None = None,
    photos: list[str] | None = None,
) -> Repair:
    repair_id = body.id or new_id()
    sealed = (
        work.context.keyring.seal(body.contact, about=f"repair:{repair_id}:contact") if body.contact else ""
    )
    repair, fresh = await create(
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
        await work.tell(_moved(repair, "", RepairState.REPORTED), repair)
    return repair


def _moved(repair: Repair, was: str, now: str) -> RepairMoved:
    return RepairMoved(repair_id=repair.id, asset_id=repair.asset_id, source=repair.source, was=was, now=now)


def told(asset: Asset, repair: Repair) -> RepairReceived:
    """What the sender is told."""
    return RepairReceived(
        id=repair.id,
        state=repair.state,
        state_label=repair.state.label,
        asset_name=asset.name,
        due_on=repair.due_on,
        result=repair.result,
    )


async def ask(work: Work, code: str, repair_id: UUID) -> RepairReceived:
    """How a ticket stands, for whoever holds its number."""
    asset = await codes.system_by_code(work, code)
    return told(asset, await repository.system_of_code(work, asset.id, repair_id))


async def detail(work: Work, repair: Repair) -> RepairDetail:
    """A ticket and what the caller could do."""
    return RepairDetail.model_construct(
        **dict(RepairRead.model_validate(repair)),
        available_actions=offers(work, REPAIR, repair, RepairFacts()),
    )


async def get(work: Work, repair_id: UUID, *, lock: bool = False) -> Repair:
    """One ticket of the caller's regions."""
    return await scoped.one(work, Repair, repair_id, "张报修单", lock=lock)


async def act(
    work: Work, repair_id: UUID, action: RepairAction, body: RepairAct, *, match: Match, dry_run: bool
) -> RepairDetail | Preview:
    """One step of a ticket."""
    photos = [str(one) for one in body.photos]
    await files.require(work, photos)
    repair = await get(work, repair_id, lock=True)
    when = body.happened_at or work.at
    facts = RepairFacts(
        person=body.person,
        due_on=body.due_on,
        on=when.astimezone(CHINA).date(),
        photos=len(photos),
        cost=body.cost,
        reason=body.reason,
    )
    preview = await fire(
        work,
        REPAIR,
        repair,
        action,
        facts,
        act=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _moved(repair, was, now),
    )
    if preview is not None:
        return preview
    match action:
        case RepairAction.ACCEPT:
            repair.person, repair.due_on = body.person, body.due_on
        case RepairAction.FINISH:
            repair.cost, repair.cost_source, repair.after_photos = body.cost, body.cost_source, photos
            repair.finished_by, repair.finished_on = work.actor.id, when.astimezone(CHINA).date()
            repair.result = body.result
        case RepairAction.REJECT | RepairAction.REDO:
            repair.result = body.reason
        case RepairAction.CHECK:
            repair.result = body.result or repair.result
    work.session.add(repair)
    return await detail(work, repair)
