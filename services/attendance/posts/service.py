"""What may be done with posts and assignments."""

from datetime import date, timedelta
from uuid import UUID

from pydantic import ValidationError

from services.attendance.policy import PresenceRules, Standpoint, ruled
from services.attendance.posts import repository, stationing
from services.attendance.posts.models import Assignment, Post
from services.attendance.posts.schemas import (
    AssignmentCreate,
    AssignmentEnd,
    FenceHere,
    FenceImport,
    PostChange,
    PostCreate,
)
from shared.contracts.attendance import AssignmentChanged, PostChanged
from shared.creates import create
from shared.errors import Conflict, Fault, Invalid
from shared.fences import Circle, FenceIn, as_json, from_geojson
from shared.http import Match
from shared.permissions import May
from shared.problems import faults
from shared.work import Work, plain

MOST_FENCES = 20


def _kept(fences: list[FenceIn]) -> list[dict[str, object]]:
    return [as_json(fence.fence()) for fence in fences]


async def add_post(work: Work, body: PostCreate) -> Post:
    """A new post; its fences are converted to WGS-84."""
    work.actor.require(May.POST_MANAGE, body.region)
    columns = body.model_dump(include={"name", "kind", "address"})
    post, fresh = await create(
        work, Post, body, region=body.region, id=body.id, fences=_kept(body.fences), **columns
    )
    if fresh:
        stationing.forget(work.context)
        await work.tell(PostChanged(name=post.name, kind=post.kind), post)
    return post


async def change_post(work: Work, post_id: UUID, body: PostChange, match: Match) -> Post:
    """Change a post; what check-ins were judged by stays with them."""
    post = await repository.get(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    match.require(post)
    changes = body.model_dump(exclude_unset=True, exclude={"fences"})
    if body.fences is not None:
        changes["fences"] = _kept(body.fences)
    before = {name: getattr(post, name) for name in changes}
    for name, value in changes.items():
        setattr(post, name, value)
    post.version += 1
    post.updated_at = work.at
    stationing.forget(work.context)
    await work.tell(PostChanged(name=post.name, kind=post.kind), post, before=plain(before))
    return post


async def fence_here(work: Work, post_id: UUID, body: FenceHere, match: Match) -> Post:
    """A circle around where the caller stands, added to the post's fences; refused when the fix is not exact enough."""
    post = await repository.get(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    match.require(post)
    wanted, _ = await ruled(work, "post.standpoint", Standpoint, post.region)
    rules, _ = await ruled(work, "presence.rules", PresenceRules, post.region)
    _exact(body, wanted, work)
    lon, lat = body.fix.wgs84()
    circle = Circle(lon, lat, float(body.radius_m or rules.radius_m))
    return await _fenced(work, post, [*post.fences, as_json(circle)])


def _exact(body: FenceHere, wanted: Standpoint, work: Work) -> None:
    fix, found = body.fix, []
    if fix.accuracy_m is None or fix.accuracy_m > wanted.accuracy_m:
        words = f"定位精度须在 {wanted.accuracy_m:.0f} 米以内, 请到开阔处重试"
        found.append(Fault("inexact", words, "not exact enough", "/fix/accuracy_m"))
    if fix.taken_at is None or abs(work.at - fix.taken_at) > timedelta(minutes=wanted.fix_minutes):
        words = f"定位须在 {wanted.fix_minutes} 分钟以内, 请重新定位"
        found.append(Fault("old_fix", words, "not fresh", "/fix/taken_at"))
    if found:
        raise Invalid("; ".join(one.detail for one in found), "The fix will not do", faults=found)


async def fence_import(work: Work, post_id: UUID, body: FenceImport, match: Match) -> Post:
    """The polygons of a GeoJSON document as the post's fences, in place of the earlier ones."""
    post = await repository.get(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    match.require(post)
    try:
        polygons = from_geojson(body.geojson, body.datum)
    except ValidationError as error:
        found = [
            Fault(one.code, one.detail, one.detail_en, f"/geojson{one.pointer}")
            for one in faults(error.errors())
        ]
        raise Invalid("围栏坐标有误", "Unsound fence", faults=found) from None
    except (ValueError, RecursionError) as error:
        raise Invalid(
            str(error)[:200], "Not a fence", faults=[Fault("geojson", str(error)[:200], "", "/geojson")]
        ) from None
    if not 1 <= len(polygons) <= MOST_FENCES:
        raise Invalid(f"围栏须有 1 至 {MOST_FENCES} 个多边形", "Too many or no polygons")
    return await _fenced(work, post, [as_json(one) for one in polygons])


async def _fenced(work: Work, post: Post, fences: list[dict[str, object]]) -> Post:
    if len(fences) > MOST_FENCES:
        raise Conflict(f"一个驻村点最多 {MOST_FENCES} 个围栏", "Too many fences")
    before = {"fences": len(post.fences)}
    post.fences = fences
    post.version += 1
    post.updated_at = work.at
    stationing.forget(work.context)
    await work.tell(PostChanged(name=post.name, kind=post.kind), post, before=plain(before))
    return post


async def station(work: Work, post_id: UUID, body: AssignmentCreate) -> Assignment:
    """Station a person at a post; Conflict when they are stationed there already in that time."""
    post = await repository.get(work, post_id, lock=True)
    work.actor.require(May.POST_MANAGE, post.region)
    if post.closed_on is not None and body.starts_on > post.closed_on:
        raise Invalid(f"驻村点已于 {post.closed_on} 停用", "The post is closed")
    last = body.ends_on or date.max
    for earlier, where in await repository.stations(work, body.person, body.starts_on, last):
        if where.id == post.id and earlier.id != body.id:
            raise Conflict(f"{body.person_name}在此期间已派驻{post.name}", "Stationed there already")
    columns = body.model_dump(exclude={"id"})
    made, fresh = await create(
        work, Assignment, body, region=post.region, id=body.id, post_id=post.id, **columns
    )
    if fresh:
        stationing.forget(work.context)
        await work.tell(_told(made), made)
    return made


async def end(work: Work, assignment_id: UUID, body: AssignmentEnd, match: Match) -> Assignment:
    """End an assignment on a day."""
    found = await repository.assignment(work, assignment_id)
    work.actor.require(May.POST_MANAGE, found.region)
    match.check(found)
    if body.ends_on < found.starts_on:
        raise Invalid("结束日期早于开始日期", "Ends before it starts")
    before = {"ends_on": str(found.ends_on or "")}
    found.ends_on = body.ends_on
    found.version += 1
    found.updated_at = work.at
    stationing.forget(work.context)
    await work.tell(_told(found), found, before=before, reason=body.reason)
    return found


def _told(made: Assignment) -> AssignmentChanged:
    return AssignmentChanged(
        post_id=made.post_id, person=made.person, starts_on=made.starts_on, ends_on=made.ends_on
    )
