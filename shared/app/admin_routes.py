"""`/{service}/log/…`: routes for operators (cursors, dead letters) and auditors (log verification)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from shared.auth import May
from shared.errors import Invalid, NotFound
from shared.events import CursorRead, DeadLetterRead, audit_log, outbox_cursors, topics_for
from shared.http import ReadWork, Route, WriteWork, requires
from shared.request_body import RequestBody


class DeadLetterList(BaseModel):
    """搁置的事件."""

    items: list[DeadLetterRead]


class RetryRequest(RequestBody):
    """哪些搁置的事件要重新投递: of one subscriber, of one record or of all."""

    subscriber: str = Field(min_length=1, max_length=80)
    subject: str = Field("", max_length=64, description="empty: every parked event of the subscriber")


class RetryResult(BaseModel):
    """已要求重新投递的事件数."""

    asked: int


class CursorList(BaseModel):
    """各订阅者的进度."""

    items: list[CursorRead]


def admin_router(service: str) -> APIRouter:
    """Router with the operator routes of one service."""
    router = APIRouter(prefix=f"/{service}/log", tags=["运维"], route_class=Route)

    # Cursors, the end of the log and what is parked: for operators, who ask seldom.
    @router.get("/cursors", response_model=CursorList, **requires(May.LOG_OPERATE, statements=4))
    async def read_cursors(work: ReadWork) -> Any:  # noqa: ANN401 - shaped by response_model
        """每个订阅者读到哪里, 还有多少没送到."""
        return CursorList(items=await outbox_cursors.list_cursors(work.session, topics_for))

    @router.get("/dead-letters", response_model=DeadLetterList, **requires(May.LOG_OPERATE))
    async def read_dead_letters(
        work: ReadWork,
        subscriber: Annotated[str, Query(min_length=1, max_length=80)],
        after: Annotated[int, Query(ge=0, description="`seq` of the last one seen")] = 0,
        limit: Annotated[int, Query(ge=1, le=outbox_cursors.DEAD_LETTER_PAGE_SIZE)] = 50,
    ) -> Any:  # noqa: ANN401 - shaped by response_model
        """被拒收而搁置的事件, 以及排在其后的同一记录的事件."""
        return DeadLetterList(
            items=await outbox_cursors.list_dead_letters(work.session, subscriber, after, limit)
        )

    @router.post(
        "/dead-letters/retry",
        status_code=202,
        **requires(May.LOG_OPERATE, refuses=(NotFound,)),
    )
    async def retry_dead_letters(work: WriteWork, body: RetryRequest) -> RetryResult:
        """重新投递搁置的事件, 同一记录的按原来的先后."""
        count = await outbox_cursors.request_retry(work.session, body.subscriber, body.subject)
        if not count:
            raise NotFound("没有搁置的事件", "No event is parked there")
        return RetryResult(asked=count)

    # The chain is checked in parts, each with its own statements.
    @router.get(
        "/verify",
        response_model=audit_log.LogReport,
        **requires(May.LOG_VERIFY, refuses=(Invalid,), statements=7),
    )
    async def verify_log(
        work: ReadWork,
        position: Annotated[int, Query(ge=0, description="of a seal kept outside")] = 0,
        digest: Annotated[str, Query(pattern="^([0-9a-f]{64})?$", description="of the same seal")] = "",
    ) -> Any:  # noqa: ANN401 - shaped by response_model
        """校验事件日志: 逐条比对封印, 指出被改动, 缺失或插入的记录."""
        if bool(position) != bool(digest):
            raise Invalid("position 和 digest 要一起给出", "Give position and digest together")
        seal = audit_log.Seal(position=position, digest=digest) if position else None
        return await audit_log.verify_chain(work.session, seal)

    return router
