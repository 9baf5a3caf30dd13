"""Routes of notices, the same in every service that has notices."""

import base64
from collections.abc import Awaitable, Mapping
from datetime import date
from typing import Annotated, Any, Protocol
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query

from shared.auth import NATION_CODE, May
from shared.china import RegionCode
from shared.db import notice
from shared.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from shared.http import (
    Page,
    PublicReadWork,
    PublicWriteWork,
    ReadWork,
    Route,
    WriteWork,
    allows_anonymous,
    requires,
)
from shared.notices import repository, service
from shared.notices.layout import NoticeLayout, build_notice_page
from shared.notices.receipt import format_receipt_number
from shared.notices.repository import SubjectAuthors
from shared.notices.schemas import (
    NoticeLevel,
    NoticePost,
    NoticeProgress,
    NoticeRead,
    NoticeWithdraw,
    ObjectionAnswer,
    ObjectionPost,
    ObjectionRead,
    ObjectionReceipt,
    PublicNotice,
    PublicNoticeDetail,
    PublicObjectionPost,
)
from shared.notices.service import NoticeSubject
from shared.records import Act, RecordKind, Todo
from shared.unit_of_work import UnitOfWork


class SubjectLoader(Protocol):
    """Function that loads the record a notice is about, in the caller's regions; NotFound otherwise."""

    def __call__(self, work: UnitOfWork, record_id: UUID, /, *, lock: bool) -> Awaitable[NoticeSubject]:
        """`lock` is True before a notice is posted."""


def record_notice_router(path: str, *, load: SubjectLoader, read: May, post: May) -> APIRouter:
    """Router at `{path}/{record_id}/notices`: list and post notices of one record."""
    router = APIRouter(prefix=path, tags=["公示"], route_class=Route)

    @router.get(
        "/{record_id}/notices", response_model=list[NoticeRead], **requires(read, refuses=(NotFound,))
    )
    async def list_notices(work: ReadWork, record_id: UUID) -> list[NoticeRead]:
        subject = await load(work, record_id, lock=False)
        work.actor.require(read, subject.region)
        return await _to_notice_reads(work, await repository.list_by_subject(work, subject.kind, subject.id))

    @router.post(
        "/{record_id}/notices",
        status_code=201,
        response_model=NoticeRead,
        **requires(post, refuses=(NotFound, Conflict, Invalid)),
    )
    async def post_notice(work: WriteWork, record_id: UUID, body: NoticePost) -> NoticeRead:
        subject = await load(work, record_id, lock=True)
        work.actor.require(post, subject.region, department=subject.department)
        notice_id = await service.post_notice(work, subject, body)
        return await _get_notice_read(work, notice_id)

    return router


def service_notice_router(
    path: str,
    *,
    read: May,
    post: May,
    objecting: May,
    authors: Mapping[str, SubjectAuthors],
    layouts: Mapping[str, NoticeLayout] | None = None,
) -> APIRouter:
    """Router at `{path}/notices` (one notice with its objections) and `{path}/public-notices` (without sign-in).

    By subject kind, `authors` say who made the record, so may decide no objection to it, and `layouts` how contents with
    keys in English are shown.
    """
    router = APIRouter(prefix=path, tags=["公示"], route_class=Route)
    _add_notice_routes(router, read=read, post=post)
    _add_objection_routes(router, post=post, objecting=objecting, authors=authors)
    _add_public_routes(router, layouts or {})
    _add_public_objection_routes(router)
    return router


def _add_notice_routes(router: APIRouter, *, read: May, post: May) -> None:
    @router.get("/notices/{notice_id}", response_model=NoticeRead, **requires(read, refuses=(NotFound,)))
    async def read_notice(work: ReadWork, notice_id: UUID) -> NoticeRead:
        notice = await _get_notice_read(work, notice_id)
        work.actor.require(read, notice.region)
        return notice

    @router.post(
        "/notices/{notice_id}/withdraw",
        response_model=NoticeRead,
        **requires(post, refuses=(NotFound, Conflict)),
    )
    async def withdraw_notice(work: WriteWork, notice_id: UUID, body: NoticeWithdraw) -> NoticeRead:
        row = await repository.get_notice(work, notice_id, lock=True)
        work.actor.require(post, row.region)
        await service.withdraw_notice(work, row, body.reason)
        return await _get_notice_read(work, notice_id)


def _add_objection_routes(
    router: APIRouter, *, post: May, objecting: May, authors: Mapping[str, SubjectAuthors]
) -> None:
    @router.post(
        "/notices/{notice_id}/objections",
        status_code=201,
        response_model=ObjectionRead,
        **requires(objecting, refuses=(NotFound, Conflict)),
    )
    async def object_to_notice(work: WriteWork, notice_id: UUID, body: ObjectionPost) -> Any:  # noqa: ANN401
        row = await repository.get_notice(work, notice_id, lock=True)
        work.actor.require(objecting, row.region)
        objection_id = await service.raise_objection(work, row, body)
        return await repository.get_objection(work, notice_id, objection_id)

    @router.post(
        "/notices/{notice_id}/objections/{objection_id}/answer",
        response_model=ObjectionRead,
        **requires(post, refuses=(NotFound, Conflict, Forbidden)),
    )
    async def answer_objection(
        work: WriteWork, notice_id: UUID, objection_id: UUID, body: ObjectionAnswer
    ) -> Any:  # noqa: ANN401
        row = await repository.get_notice(work, notice_id, lock=True)
        work.actor.require(post, row.region)
        await service.answer_objection(work, row, objection_id, body, authors.get(row.subject_kind))
        return await repository.get_objection(work, notice_id, objection_id)


def _add_public_routes(router: APIRouter, layouts: Mapping[str, NoticeLayout]) -> None:
    @router.get("/public-notices", response_model=Page[PublicNotice], **allows_anonymous())
    async def list_public_notices(
        work: PublicReadWork,
        region: RegionCode = NATION_CODE,
        kind: Annotated[str, Query(max_length=40)] = "",
        on: Annotated[date | None, Query(description="only notices posted on this day")] = None,
        level: NoticeLevel | None = None,
        year: Annotated[int | None, Query(ge=2000, le=2100, description="年度, 按公示首日")] = None,
        q: Annotated[str, Query(max_length=60, description="标题中的文字")] = "",
        cursor: Annotated[str, Query(max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Page[PublicNotice]:
        before = _decode_cursor(cursor) if cursor else None
        rows = await repository.list_public_notices(
            work,
            region=region,
            kind=kind,
            on=on,
            level=level or "",
            year=year,
            q=q,
            before=before,
            limit=limit + 1,
        )
        last = rows[limit - 1] if len(rows) > limit else None
        items = [
            _to_public_notice(work, row, progress)
            for row, progress in await _compute_progress_of(work, rows[:limit])
        ]
        return Page(
            items=items, next_cursor=_encode_cursor(last.starts_on, last.id) if last is not None else None
        )

    @router.get(
        "/public-notices/{notice_id}",
        response_model=PublicNoticeDetail,
        **allows_anonymous(refuses=(NotFound,)),
    )
    async def read_public_notice(work: PublicReadWork, notice_id: UUID) -> PublicNoticeDetail:
        row = await repository.get_notice(work, notice_id)
        if row.withdrawn_at is not None:
            raise NotFound("公示已撤回", "The notice was withdrawn")
        ((_, progress),) = await _compute_progress_of(work, [row])
        return PublicNoticeDetail(
            **_to_public_notice(work, row, progress).model_dump(),
            page=build_notice_page(row.content, layouts.get(row.subject_kind)),
        )


def _add_public_objection_routes(router: APIRouter) -> None:
    @router.post(
        "/public-notices/{notice_id}/objections",
        status_code=201,
        response_model=ObjectionReceipt,
        **allows_anonymous(refuses=(NotFound, Conflict, Invalid)),
    )
    async def object_publicly(
        work: PublicWriteWork, notice_id: UUID, body: PublicObjectionPost
    ) -> ObjectionReceipt:
        """公众提出异议, 不需要登录; 每个来源每小时限次."""
        row = await repository.get_notice(work, notice_id, lock=True)
        objection_id = await service.raise_public_objection(work, row, body)
        return await _get_receipt(work, format_receipt_number(objection_id))

    @router.get(
        "/public-objections/{number}",
        response_model=ObjectionReceipt,
        **allows_anonymous(refuses=(NotFound,)),
    )
    async def read_objection_receipt(
        work: PublicReadWork, number: Annotated[str, Path(max_length=40)]
    ) -> ObjectionReceipt:
        """凭回执编号查看异议的答复."""
        return await _get_receipt(work, number)


async def _get_receipt(work: UnitOfWork, number: str) -> ObjectionReceipt:
    row = await service.find_objection_by_number(work, number)
    return ObjectionReceipt(
        number=format_receipt_number(row.id),
        service=work.context.name,
        **{
            name: getattr(row, name)
            for name in ObjectionReceipt.model_fields
            if name not in {"number", "service"}
        },
    )


async def _compute_progress_of(
    work: UnitOfWork, rows: list[sa.Row[Any]]
) -> list[tuple[sa.Row[Any], NoticeProgress]]:
    objections = await repository.list_objections(work, [row.id for row in rows])
    return _compute_progress(work, rows, objections)


def _compute_progress(
    work: UnitOfWork, rows: list[sa.Row[Any]], objections: list[sa.Row[Any]]
) -> list[tuple[sa.Row[Any], NoticeProgress]]:
    result = []
    for row in rows:
        own = [objection for objection in objections if objection.notice_id == row.id]
        unanswered = sum(objection.answered_at is None for objection in own)
        upheld = sum(objection.upheld is True for objection in own)
        result.append((row, service.compute_progress(row.ends_on, work.today, unanswered, upheld)))
    return result


def _to_public_notice(work: UnitOfWork, row: sa.Row[Any], progress: NoticeProgress) -> PublicNotice:
    return PublicNotice(
        service=work.context.name,
        standing=progress,
        level_label=NoticeLevel(row.level).label,
        entered_afterwards=repository.is_entered_afterwards(row),
        **{
            name: getattr(row, name)
            for name in PublicNotice.model_fields
            if name not in {"service", "standing", "level_label", "entered_afterwards"}
        },
    )


async def _to_notice_reads(work: UnitOfWork, rows: list[sa.Row[Any]]) -> list[NoticeRead]:
    objections = await repository.list_objections(work, [row.id for row in rows])
    notices = []
    for row, progress in _compute_progress(work, rows, objections):
        own = [
            ObjectionRead.model_validate(objection)
            for objection in objections
            if objection.notice_id == row.id
        ]
        values = {**row._mapping, "level_label": NoticeLevel(row.level).label}  # noqa: SLF001 - SQLAlchemy's public name
        shown = {"standing": progress, "objections": own}
        late = {"entered_afterwards": repository.is_entered_afterwards(row)}
        notices.append(NoticeRead.model_validate(values | shown | late))
    return notices


async def _get_notice_read(work: UnitOfWork, notice_id: UUID) -> NoticeRead:
    return (await _to_notice_reads(work, [await repository.get_notice(work, notice_id)]))[0]


def _encode_cursor(day: date, notice_id: UUID) -> str:
    return base64.urlsafe_b64encode(f"{day}|{notice_id}".encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> tuple[date, UUID]:
    try:
        day, notice_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
        return date.fromisoformat(day), UUID(notice_id)
    except ValueError:
        raise BadRequest("翻页游标无效, 请从第一页重新开始", "Not a cursor of this list") from None


def notice_kind(
    name: str, label: str, path: str, *, read: May, post: May, authors: Mapping[str, SubjectAuthors]
) -> RecordKind:
    """A service's notices as a kind of record: those with an objection wait for an answer."""
    return RecordKind(
        name=name,
        label=label,
        path=f"{path}/public-notices",
        detail=f"{path}/notices/{{id}}",
        model=notice,
        photo="photo",
        read=PublicNotice,
        may=read,
        title="title",
        columns=("title", "level_label", "region", "starts_on", "ends_on", "standing"),
        filters=("region", "kind", "on"),
        search=("title",),
        since="posted_at",
        acts=(
            Act("答复", f"{path}/notices/{{id}}/objections/{{objection_id}}/answer", until="answered_at"),
            Act("登记异议", f"{path}/notices/{{id}}/objections"),
            Act("撤回公示", f"{path}/notices/{{id}}/withdraw"),
        ),
        todo=(
            Todo(
                "objections.open",
                f"有异议待答复的{label}",
                (post,),
                lambda work: repository.build_objected_condition(work, authors),
            ),
        ),
    )
