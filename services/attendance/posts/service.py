"""Phones bind themselves: the first ones a person uses are theirs, a further one waits for approval."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.attendance import repository as records
from services.attendance.check_ins.schemas import Source
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_reason, send_message
from services.attendance.policy import DeviceRules, FenceFixLimits, PresenceRules, load_rule
from services.attendance.posts import assignment_cache, repository
from services.attendance.posts.lifecycle import DEVICE, DeviceAction, DeviceFacts, DeviceState
from services.attendance.posts.models import Assignment, Device, Post
from services.attendance.posts.repository import list_person_assignments
from services.attendance.posts.schemas import (
    AssignmentCreate,
    AssignmentEnd,
    FenceHere,
    FenceImport,
    PostChange,
    PostCreate,
)
from services.attendance.sql_conditions import get_columns
from shared.auth import May
from shared.china import Circle, FenceIn, fence_to_json, polygons_from_geojson
from shared.clients.attendance import AssignmentChanged, DeviceMoved, PostChanged
from shared.db import bulk_upsert, new_id
from shared.errors import Conflict, FieldError, Invalid
from shared.events import EventRecord
from shared.http import VersionMatch, to_field_errors
from shared.lifecycle.transitions import TransitionPreview, TransitionRequest, apply_transition
from shared.records import create_record
from shared.unit_of_work import UnitOfWork, to_json_values


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """How a person's phone stands, and since when."""

    state: DeviceState
    since: datetime

    def is_trusted_at(self, at: datetime) -> bool:
        """Whether a check-in with it at an instant is not asked about: bound now, or let go only later."""
        return self.state.is_trusted or (self.state is DeviceState.RELEASED and at < self.since)


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A phone that was not seen with a person before."""

    person: str
    region: str
    device: str
    state: DeviceState


async def find_new_devices(
    work: UnitOfWork,
    posting: Any,  # noqa: ANN401 - a row of days/repository.py
    taps: Sequence[Any],
    known: dict[str, dict[str, DeviceStatus]],
) -> list[NewDevice]:
    """The phones of a day's check-ins that were not seen with the person before; they are known from here on."""
    mine = dict(known.get(posting.person, {}))
    used = {tap.device for tap in taps if tap.device and tap.source is Source.USER and tap.device not in mine}
    if not used:
        return []
    rules, _ = await load_rule(work, "presence.devices", DeviceRules, posting.region)
    found = []
    for device in dict.fromkeys(tap.device for tap in taps if tap.device in used):
        bound = sum(one.state is DeviceState.BOUND for one in mine.values())
        state = DeviceState.BOUND if bound < rules.most else DeviceState.PENDING
        mine[device] = DeviceStatus(state, work.at)
        found.append(NewDevice(posting.person, posting.region, device, state))
    known[posting.person] = mine
    return found


async def insert_devices(work: UnitOfWork, phones: Sequence[NewDevice]) -> None:
    """Keep these phones and tell of them."""
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "region": one.region,
            "version": 1,
            "created_at": work.at,
            "created_by": work.actor.id,
            "updated_at": work.at,
            "created_digest": "",
            "person": one.person,
            "device": one.device,
            "state": one.state,
            "state_since": work.at,
        }
        for one in phones
    ]
    await bulk_upsert(work.session, get_columns(Device).id.table, rows)
    await work.publish_all(
        [
            EventRecord(
                DeviceMoved(person=row["person"], was="", now=row["state"]), str(row["id"]), 1, row["region"]
            )
            for row in rows
        ]
    )


async def get_person_region(work: UnitOfWork, person: str, on: date) -> str:
    """The region of the person's posting that day; for the caller without one, the region of their role."""
    for assignment, _ in await list_person_assignments(work, person, on, on):
        return assignment.region
    return next((grant.region for grant in work.actor.grants), work.context.settings.district)


MAX_FENCES = 20


def _encode_fences(fences: list[FenceIn]) -> list[dict[str, object]]:
    return [fence_to_json(fence.to_fence()) for fence in fences]


async def create_post(work: UnitOfWork, body: PostCreate) -> Post:
    """A new post; its fences are converted to WGS-84."""
    work.actor.require(May.POST_MANAGE, body.region)
    columns = body.model_dump(include={"name", "kind", "address"})
    post, fresh = await create_record(
        work, Post, body, region=body.region, id=body.id, fences=_encode_fences(body.fences), **columns
    )
    if fresh:
        assignment_cache.clear_cache(work.context)
        await work.publish(PostChanged(name=post.name, kind=post.kind), post)
    return post


async def update_post(work: UnitOfWork, post_id: UUID, body: PostChange, match: VersionMatch) -> Post:
    """Change a post; what check-ins were judged by stays with them."""
    post = await repository.get_post(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    match.require_version(post)
    changes = body.model_dump(exclude_unset=True, exclude={"fences"})
    if body.fences is not None:
        changes["fences"] = _encode_fences(body.fences)
    before = {name: getattr(post, name) for name in changes}
    for name, value in changes.items():
        setattr(post, name, value)
    post.version += 1
    post.updated_at = work.at
    assignment_cache.clear_cache(work.context)
    await work.publish(PostChanged(name=post.name, kind=post.kind), post, before=to_json_values(before))
    return post


async def add_circle_fence(work: UnitOfWork, post_id: UUID, body: FenceHere, match: VersionMatch) -> Post:
    """A circle around where the caller stands, added to the post's fences; refused when the fix is not exact enough."""
    post = await repository.get_post(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    match.require_version(post)
    wanted, _ = await load_rule(work, "post.standpoint", FenceFixLimits, post.region)
    rules, _ = await load_rule(work, "presence.rules", PresenceRules, post.region)
    _require_exact_fix(body, wanted, work)
    lon, lat = body.fix.to_wgs84()
    circle = Circle(lon, lat, float(body.radius_m or rules.radius_m))
    return await _save_fences(work, post, [*post.fences, fence_to_json(circle)])


def _require_exact_fix(body: FenceHere, wanted: FenceFixLimits, work: UnitOfWork) -> None:
    fix, found = body.fix, []
    if fix.accuracy_m is None or fix.accuracy_m > wanted.accuracy_m:
        words = f"定位精度须在 {wanted.accuracy_m:.0f} 米以内, 请到开阔处重试"
        found.append(FieldError("inexact", words, "not exact enough", "/fix/accuracy_m"))
    if fix.taken_at is None or abs(work.at - fix.taken_at) > timedelta(minutes=wanted.fix_minutes):
        words = f"定位须在 {wanted.fix_minutes} 分钟以内, 请重新定位"
        found.append(FieldError("old_fix", words, "not fresh", "/fix/taken_at"))
    if found:
        raise Invalid("; ".join(one.detail for one in found), "The fix will not do", errors=found)


async def import_fences(work: UnitOfWork, post_id: UUID, body: FenceImport, match: VersionMatch) -> Post:
    """The polygons of a GeoJSON document as the post's fences, in place of the earlier ones."""
    post = await repository.get_post(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    match.require_version(post)
    try:
        polygons = polygons_from_geojson(body.geojson, body.datum)
    except ValidationError as error:
        found = [
            FieldError(one.code, one.detail, one.detail_en, f"/geojson{one.pointer}")
            for one in to_field_errors(error.errors())
        ]
        raise Invalid("围栏坐标有误", "Unsound fence", errors=found) from None
    except (ValueError, RecursionError) as error:
        raise Invalid(
            str(error)[:200], "Not a fence", errors=[FieldError("geojson", str(error)[:200], "", "/geojson")]
        ) from None
    if not 1 <= len(polygons) <= MAX_FENCES:
        raise Invalid(f"围栏须有 1 至 {MAX_FENCES} 个多边形", "Too many or no polygons")
    return await _save_fences(work, post, [fence_to_json(one) for one in polygons])


async def _save_fences(work: UnitOfWork, post: Post, fences: list[dict[str, object]]) -> Post:
    if len(fences) > MAX_FENCES:
        raise Conflict(f"一个驻村点最多 {MAX_FENCES} 个围栏", "Too many fences")
    before = {"fences": len(post.fences)}
    post.fences = fences
    post.version += 1
    post.updated_at = work.at
    assignment_cache.clear_cache(work.context)
    await work.publish(PostChanged(name=post.name, kind=post.kind), post, before=to_json_values(before))
    return post


async def create_assignment(work: UnitOfWork, post_id: UUID, body: AssignmentCreate) -> Assignment:
    """Station a person at a post; Conflict when they are stationed there already in that time."""
    post = await repository.get_post(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    if post.closed_on is not None and body.starts_on > post.closed_on:
        raise Invalid(f"驻村点已于 {post.closed_on} 停用", "The post is closed")
    last = body.ends_on or date.max
    for earlier, where in await repository.list_person_assignments(work, body.person, body.starts_on, last):
        if where.id == post.id and earlier.id != body.id:
            raise Conflict(f"{body.person_name}在此期间已派驻{post.name}", "Stationed there already")
    columns = body.model_dump(exclude={"id"})
    made, fresh = await create_record(
        work, Assignment, body, region=post.region, id=body.id, post_id=post.id, **columns
    )
    if fresh:
        assignment_cache.clear_cache(work.context)
        await work.publish(_build_event(made), made)
    return made


async def end_assignment(
    work: UnitOfWork, assignment_id: UUID, body: AssignmentEnd, match: VersionMatch
) -> Assignment:
    """End an assignment on a day."""
    found = await repository.get_assignment(work, assignment_id)
    work.actor.require(May.POST_MANAGE, found.region)
    match.check_version(found)
    if body.ends_on < found.starts_on:
        raise Invalid("结束日期早于开始日期", "Ends before it starts")
    before = {"ends_on": str(found.ends_on or "")}
    found.ends_on = body.ends_on
    found.version += 1
    found.updated_at = work.at
    assignment_cache.clear_cache(work.context)
    await work.publish(_build_event(found), found, before=before, reason=body.reason)
    return found


def _build_event(made: Assignment) -> AssignmentChanged:
    return AssignmentChanged(
        post_id=made.post_id, person=made.person, starts_on=made.starts_on, ends_on=made.ends_on
    )


async def transition_device(
    work: UnitOfWork,
    device_id: UUID,
    action: DeviceAction,
    body: TransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | Device:
    """Approve, refuse, release."""
    device = await records.get_record(work, Device, device_id, "这部手机", lock=True)
    rules, _ = await load_rule(work, "presence.devices", DeviceRules, device.region)
    facts = DeviceFacts(await repository.count_bound_devices(work, device.person), rules.most, body.reason)
    since = await repository.find_first_open_review_day(work, device.person)
    preview = await apply_transition(
        work,
        DEVICE,
        device,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        owner=device.person,
        event=lambda was, now: DeviceMoved(person=device.person, was=was, now=now, since=since),
    )
    if preview is not None:
        return preview
    words = f"手机 {device.device}: {work.actor.name}{action.label}{format_reason(body.reason)}"
    await send_message(work, device.person, MessageKind.DEVICE, device, words)
    return device
