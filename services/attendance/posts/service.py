"""Posts with fences, assignments, and registered phones.

A person's first phones are bound automatically, up to the rule's limit; further ones wait for approval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.attendance import repository as records
from services.attendance.check_ins.schemas import CheckInSource
from services.attendance.messages.schemas import MessageKind
from services.attendance.messages.service import format_reason, send_message
from services.attendance.policy import DEVICE_RULES, FENCE_FIX_LIMITS, PRESENCE_RULES, FenceFixLimits
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
from shared.records import create_record, log_events, save_record
from shared.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """State of a person's phone and the time it began."""

    state: DeviceState
    since: datetime

    def is_trusted_at(self, at: datetime) -> bool:
        """True if a check-in at this time raises no anomaly: bound, or released only after it."""
        return self.state.is_trusted or (self.state is DeviceState.RELEASED and at < self.since)


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A phone used by a person for the first time."""

    person: str
    region: str
    device: str
    state: DeviceState


MAX_FENCES = 20
MAX_FORMER_FENCES = 20
"""Replaced sets of fences that a post keeps."""


async def find_new_devices(
    work: UnitOfWork,
    assignment: Any,  # noqa: ANN401 - a row of `system_list_assignments`
    check_ins: Sequence[Any],
    devices: dict[str, dict[str, DeviceStatus]],
) -> list[NewDevice]:
    """Returns phones of a day's check-ins that the person had not used; adds them to `devices`."""
    own_devices = dict(devices.get(assignment.person, {}))
    new_ids = {
        check_in.device
        for check_in in check_ins
        if check_in.device and check_in.source is CheckInSource.USER and check_in.device not in own_devices
    }
    if not new_ids:
        return []
    rules = (await work.get_rule(DEVICE_RULES, region=assignment.region)).value
    new_devices = []
    for device in dict.fromkeys(check_in.device for check_in in check_ins if check_in.device in new_ids):
        bound = sum(status.state is DeviceState.BOUND for status in own_devices.values())
        state = DeviceState.BOUND if bound < rules.most else DeviceState.PENDING
        own_devices[device] = DeviceStatus(state, work.at)
        new_devices.append(NewDevice(assignment.person, assignment.region, device, state))
    devices[assignment.person] = own_devices
    return new_devices


async def insert_devices(work: UnitOfWork, devices: Sequence[NewDevice]) -> None:
    """Inserts the phones and publishes their events."""
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "region": device.region,
            "version": 1,
            "created_at": work.at,
            "created_by": work.actor.id,
            "updated_at": work.at,
            "created_digest": "",
            "person": device.person,
            "device": device.device,
            "state": device.state,
            "state_since": work.at,
        }
        for device in devices
    ]
    await bulk_upsert(work.session, get_columns(Device).id.table, rows)
    await log_events(
        work,
        [
            EventRecord(
                DeviceMoved(person=row["person"], was="", now=row["state"]), str(row["id"]), 1, row["region"]
            )
            for row in rows
        ],
    )


async def get_person_region(work: UnitOfWork, person: str, on: date) -> str:
    """Returns the region of the person's assignment that day; without one, of the caller's first role."""
    for assignment, _ in await list_person_assignments(work, person, on, on):
        return assignment.region
    return work.home_region


async def create_post(work: UnitOfWork, body: PostCreate) -> Post:
    """Inserts a post; its fences are converted to WGS-84."""
    work.actor.require(May.POST_MANAGE, body.region)
    columns = body.model_dump(include={"name", "kind", "address"})
    post, is_new = await create_record(
        work,
        Post,
        body,
        event=lambda post: PostChanged(name=post.name, kind=post.kind),
        region=body.region,
        id=body.id,
        fences=_encode_fences(body.fences),
        **columns,
    )
    if is_new:
        assignment_cache.clear_cache(work.context)
    return post


async def update_post(work: UnitOfWork, post_id: UUID, body: PostChange, match: VersionMatch) -> Post:
    """Changes a post; earlier check-ins keep their verdict."""
    post = await repository.get_post(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    match.require_version(post)
    changes = body.model_dump(exclude_unset=True, exclude={"fences"})
    if body.fences is not None:
        changes["fences"] = _encode_fences(body.fences)
    before = {name: getattr(post, name) for name in changes}
    if changes.get("fences", post.fences) != post.fences:
        _keep_former_fences(work, post)
    for name, value in changes.items():
        setattr(post, name, value)
    assignment_cache.clear_cache(work.context)
    await save_record(work, post, PostChanged(name=post.name, kind=post.kind), before=before)
    return post


async def add_circle_fence(work: UnitOfWork, post_id: UUID, body: FenceHere, match: VersionMatch) -> Post:
    """Adds a circle around the caller's position. Raises Invalid if the fix is inexact or old."""
    post = await repository.get_post(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    match.require_version(post)
    limits = (await work.get_rule(FENCE_FIX_LIMITS, region=post.region)).value
    rules = (await work.get_rule(PRESENCE_RULES, region=post.region)).value
    _require_exact_fix(body, limits, work)
    lon, lat = body.fix.to_wgs84()
    circle = Circle(lon, lat, float(body.radius_m or rules.radius_m))
    return await _save_fences(work, post, [*post.fences, fence_to_json(circle)])


async def import_fences(work: UnitOfWork, post_id: UUID, body: FenceImport, match: VersionMatch) -> Post:
    """Replaces the fences by the polygons of a GeoJSON document. Raises Invalid if it is malformed."""
    post = await repository.get_post(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    match.require_version(post)
    try:
        polygons = polygons_from_geojson(body.geojson, body.datum)
    except ValidationError as error:
        errors = [
            FieldError(
                field_error.code, field_error.detail, field_error.detail_en, f"/geojson{field_error.pointer}"
            )
            for field_error in to_field_errors(error.errors())
        ]
        raise Invalid("围栏坐标有误", "Unsound fence", errors=errors) from None
    except (ValueError, RecursionError) as error:
        raise Invalid(
            str(error)[:200], "Not a fence", errors=[FieldError("geojson", str(error)[:200], "", "/geojson")]
        ) from None
    if not 1 <= len(polygons) <= MAX_FENCES:
        raise Invalid(f"围栏须有 1 至 {MAX_FENCES} 个多边形", "Too many or no polygons")
    return await _save_fences(work, post, [fence_to_json(polygon) for polygon in polygons])


async def create_assignment(work: UnitOfWork, post_id: UUID, body: AssignmentCreate) -> Assignment:
    """Assigns a person to a post. Raises Conflict if already assigned there in that period, Invalid if the post is closed."""
    post = await repository.get_post(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    if post.closed_on is not None and body.starts_on > post.closed_on:
        raise Invalid(f"驻村点已于 {post.closed_on} 停用", "The post is closed")
    last = body.ends_on or date.max
    for earlier, other_post in await repository.list_person_assignments(
        work, body.person, body.starts_on, last
    ):
        if other_post.id == post.id and earlier.id != body.id:
            raise Conflict(f"{body.person_name}在此期间已派驻{post.name}", "Stationed there already")
    columns = body.model_dump(exclude={"id"})
    assignment, is_new = await create_record(
        work,
        Assignment,
        body,
        event=build_assignment_event,
        region=post.region,
        id=body.id,
        post_id=post.id,
        **columns,
    )
    if is_new:
        assignment_cache.clear_cache(work.context)
    return assignment


async def end_assignment(
    work: UnitOfWork, assignment_id: UUID, body: AssignmentEnd, match: VersionMatch
) -> Assignment:
    """Ends an assignment on a day. Raises Invalid if that is before its start."""
    assignment = await repository.get_assignment(work, assignment_id)
    work.actor.require(May.POST_MANAGE, assignment.region)
    match.check_version(assignment)
    if body.ends_on < assignment.starts_on:
        raise Invalid("结束日期早于开始日期", "Ends before it starts")
    before = {"ends_on": str(assignment.ends_on or "")}
    assignment.ends_on = body.ends_on
    assignment_cache.clear_cache(work.context)
    await save_record(work, assignment, build_assignment_event(assignment), before=before, reason=body.reason)
    return assignment


async def transition_device(
    work: UnitOfWork,
    device_id: UUID,
    action: DeviceAction,
    body: TransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> TransitionPreview | Device:
    """Approves, refuses or releases a phone; the days since the first open review are evaluated again."""
    device = await records.get_record(work, Device, device_id, "这部手机", lock=True)
    rules = (await work.get_rule(DEVICE_RULES, region=device.region)).value
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
    text = f"手机 {device.device}: {work.actor.name}{action.label}{format_reason(body.reason)}"
    await send_message(work, device.person, MessageKind.DEVICE, device, text)
    return device


def _encode_fences(fences: list[FenceIn]) -> list[dict[str, object]]:
    """Returns the fences as JSON, converted to WGS-84."""
    return [fence_to_json(fence.to_fence()) for fence in fences]


def _require_exact_fix(body: FenceHere, limits: FenceFixLimits, work: UnitOfWork) -> None:
    """Raises Invalid if the fix is less exact or older than the rule allows."""
    fix, errors = body.fix, []
    if fix.accuracy_m is None or fix.accuracy_m > limits.accuracy_m:
        text = f"定位精度须在 {limits.accuracy_m:.0f} 米以内, 请到开阔处重试"
        errors.append(FieldError("inexact", text, "not exact enough", "/fix/accuracy_m"))
    if fix.taken_at is None or abs(work.at - fix.taken_at) > timedelta(minutes=limits.fix_minutes):
        text = f"定位须在 {limits.fix_minutes} 分钟以内, 请重新定位"
        errors.append(FieldError("old_fix", text, "not fresh", "/fix/taken_at"))
    if errors:
        raise Invalid("; ".join(error.detail for error in errors), "The fix will not do", errors=errors)


async def _save_fences(work: UnitOfWork, post: Post, fences: list[dict[str, object]]) -> Post:
    """Stores the fences and publishes the change. Raises Conflict above MAX_FENCES."""
    if len(fences) > MAX_FENCES:
        raise Conflict(f"一个驻村点最多 {MAX_FENCES} 个围栏", "Too many fences")
    before = {"fences": len(post.fences)}
    _keep_former_fences(work, post)
    post.fences = fences
    assignment_cache.clear_cache(work.context)
    await save_record(work, post, PostChanged(name=post.name, kind=post.kind), before=before)
    return post


def _keep_former_fences(work: UnitOfWork, post: Post) -> None:
    """Keep the fences that are about to be replaced: check-ins of the time before are judged by them."""
    former = {"until": work.at.isoformat(), "fences": post.fences}
    post.former_fences = [*(post.former_fences or []), former][-MAX_FORMER_FENCES:]


def build_assignment_event(assignment: Assignment) -> AssignmentChanged:
    """Builds the event of a new or changed assignment."""
    return AssignmentChanged(
        post_id=assignment.post_id,
        person=assignment.person,
        starts_on=assignment.starts_on,
        ends_on=assignment.ends_on,
    )
