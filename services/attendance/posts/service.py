"""What may be done with posts and assignments."""

from datetime import date
from uuid import UUID

from services.attendance.posts import repository
from services.attendance.posts.models import Assignment, Post
from services.attendance.posts.schemas import AssignmentCreate, AssignmentEnd, PostChange, PostCreate
from shared.contracts.attendance import AssignmentChanged, PostChanged
from shared.creates import create
from shared.errors import Conflict, Invalid
from shared.fences import FenceIn, as_json
from shared.http import Match
from shared.permissions import May
from shared.work import Work, plain


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
    await work.tell(_told(found), found, before=before, reason=body.reason)
    return found


def _told(made: Assignment) -> AssignmentChanged:
    return AssignmentChanged(
        post_id=made.post_id, person=made.person, starts_on=made.starts_on, ends_on=made.ends_on
    )
