"""`/{service}/log/...`: what an operator looks at and does when events do not arrive, and what an auditor asks."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from shared import cursors, seal
from shared.cursors import CursorRead, DeadLetterRead
from shared.errors import Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.permissions import May
from shared.topics import told


class DeadLetters(BaseModel):
    """搁置的事件."""

    items: list[DeadLetterRead]


class RetryAsked(BaseModel):
    """哪些搁置的事件要重新投递: of one subscriber, of one record or of all."""

    subscriber: str = Field(min_length=1, max_length=80)
    subject: str = Field("", max_length=64, description="empty: every parked event of the subscriber")


class RetryRead(BaseModel):
    """已要求重新投递的事件数."""

    asked: int


class Cursors(BaseModel):
    """各订阅者的进度."""

    items: list[CursorRead]


def routes(service: str) -> APIRouter:
    """The operator's addresses of one service."""
    router = APIRouter(prefix=f"/{service}/log", tags=["运维"], route_class=Route)

    @router.get("/cursors", response_model=Cursors, **allows(May.LOG_OPERATE))
    async def read_cursors(work: Reading) -> Any:  # noqa: ANN401 - shaped by response_model
        """每个订阅者读到哪里, 还有多少没送到."""
        return Cursors(items=await cursors.list_cursors(work.session, told))

    @router.get("/dead-letters", response_model=DeadLetters, **allows(May.LOG_OPERATE))
    async def read_dead_letters(
        work: Reading,
        subscriber: Annotated[str, Query(min_length=1, max_length=80)],
        after: Annotated[int, Query(ge=0, description="`seq` of the last one seen")] = 0,
        limit: Annotated[int, Query(ge=1, le=cursors.PAGE)] = 50,
    ) -> Any:  # noqa: ANN401 - shaped by response_model
        """被拒收而搁置的事件, 以及排在其后的同一记录的事件."""
        return DeadLetters(items=await cursors.list_dead(work.session, subscriber, after, limit))

    @router.post(
        "/dead-letters/retry",
        status_code=202,
        **allows(May.LOG_OPERATE, refuses=(NotFound,)),
    )
    async def retry_dead_letters(work: Writing, body: RetryAsked) -> RetryRead:
        """重新投递搁置的事件, 同一记录的按原来的先后."""
        asked = await cursors.retry_dead(work.session, body.subscriber, body.subject)
        if not asked:
            raise NotFound("没有搁置的事件", "No event is parked there")
        return RetryRead(asked=asked)

    @router.get("/verify", response_model=seal.LogReport, **allows(May.LOG_VERIFY, refuses=(Invalid,)))
    async def verify_log(
        work: Reading,
        position: Annotated[int, Query(ge=0, description="of a seal kept outside")] = 0,
        digest: Annotated[str, Query(pattern="^([0-9a-f]{64})?$", description="of the same seal")] = "",
    ) -> Any:  # noqa: ANN401 - shaped by response_model
        """校验事件日志: 逐条比对封印, 指出被改动, 缺失或插入的记录."""
        if bool(position) != bool(digest):
            raise Invalid("position 和 digest 要一起给出", "Give position and digest together")
        kept = seal.Seal(position=position, digest=digest) if position else None
        return await seal.verify(work.session, kept)

    return router
