"""`/{service}/log/…`: heads of the event log and proofs, for auditors and for witnesses outside.

Heads, keys and consistency proofs hold hashes only and are public: a witness needs no account, and its cosignature is
accepted because it verifies.
"""

import base64
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import May
from shared.db import event_log, execute_core, log_cosignature
from shared.errors import FieldError, Invalid, NotFound
from shared.events import insert_once, merkle, note, verify
from shared.events.evidence import EvidencePart, ProvedEvent, collect_evidence, list_proved_events
from shared.events.fsck import Fsck
from shared.http import PublicReadWork, PublicWriteWork, ReadWork, Route, allows_anonymous, requires
from shared.request_body import RequestBody
from shared.unit_of_work import UnitOfWork

MAX_SIZE = 2**53 - 1


class LogKey(BaseModel):
    """日志公钥, to be kept by a witness before it reads the first head."""

    key: str = Field(description="name+key id+base64, as in C2SP signed-note; Ed25519")
    sm2_key: str = Field(description="the same of the second signature, SM2 with SM3")


class LogHead(BaseModel):
    """日志头: size and root of the tree over the sealed rows, signed; with cosignatures when there are any."""

    size: int = Field(description="sealed rows")
    note: str = Field(description="C2SP signed note: origin, size, root, signatures")
    witnesses: list[str] = Field(description="names of the witnesses whose cosignatures the note has")


class ConsistencyProof(BaseModel):
    """一致性证明: that the log of `size` rows begins with the log of `old` rows."""

    old: int
    size: int
    hashes: list[str] = Field(description="base64, in the order of RFC 9162, 2.1.4")


class InclusionProof(ProvedEvent):
    """包含证明: that an event is in the log of `size` rows, at one place and with this content."""

    size: int


class Evidence(BaseModel):
    """一个服务关于若干记录的证据, in the form that `verify.py` of a bundle reads."""

    key: str
    sm2_key: str
    note: str = Field(description="signed head that all proofs lead to")
    signature: str = Field(
        description="signed note over subjects, events and rows: nothing was left out later"
    )
    subjects: list[str] = Field(description="ids that were asked for")
    witness_keys: list[str]
    events: list[ProvedEvent]
    rows: dict[str, dict[str, dict[str, Any]]] = Field(description="table → key → columns that digests cover")


class Cosignature(RequestBody):
    """见证签名: a witness has seen this head, and that it continues the last one."""

    size: int = Field(ge=1, le=MAX_SIZE)
    line: str = Field(min_length=1, max_length=600, description="signature line of C2SP tlog-cosignature")


def _origin(work: UnitOfWork) -> str:
    return f"xianjie-{work.context.settings.district}/{work.context.name}"


def _private_keys(work: UnitOfWork) -> tuple[Ed25519PrivateKey, bytes]:
    secret, origin = work.context.settings.log_key or work.context.settings.index_key, _origin(work)
    return note.derive_log_key(secret, origin), note.derive_sm2_key(secret, origin)


def _public_keys(work: UnitOfWork) -> LogKey:
    origin, (ed25519, sm2) = _origin(work), _private_keys(work)
    return LogKey(key=str(note.public_key(origin, ed25519)), sm2_key=str(note.sm2_public_key(origin, sm2)))


def _sign(work: UnitOfWork, head: note.TreeHead) -> str:
    ed25519, sm2 = _private_keys(work)
    return note.sign_head(head, ed25519) + note.sign_head_with_sm2(head, sm2)


async def _build_head(work: UnitOfWork, size: int) -> note.TreeHead:
    return note.TreeHead(_origin(work), size, await merkle.read_root(work.session, size))


async def sign_log_head(work: UnitOfWork, size: int) -> LogHead:
    """The head of the first `size` rows, signed, with the cosignatures that came for it."""
    head = await _build_head(work, size)
    query = sa.select(log_cosignature).where(log_cosignature.c.size == size)
    rows = list(await execute_core(work.session, query.order_by(log_cosignature.c.witness)))
    text = _sign(work, head) + "".join(row.line for row in rows)
    return LogHead(size=size, note=text, witnesses=[row.witness for row in rows])


def _sign_evidence(work: UnitOfWork, subjects: list[str], part: EvidencePart) -> str:
    """A note by the log's keys, under a name of its own, over everything that a bundle has from this service."""
    content = verify.evidence_digest(subjects, [event.digest for event in part.events], part.rows)
    return _sign(work, note.TreeHead(f"{_origin(work)}{verify.EVIDENCE}", len(part.events), content))


async def find_cosigned_size(session: AsyncSession) -> int:
    """The size of the newest head of this log that a witness cosigned; 0 when there is none.

    A restored log is shorter than what was cosigned: those heads are no longer its own.
    """
    size = log_cosignature.c.size
    query = sa.select(sa.func.coalesce(sa.func.max(size), 0)).where(size <= await merkle.read_size(session))
    return int((await execute_core(session, query)).scalar_one())


def _refuse_size(pointer: str, size: int) -> Invalid:
    detail = f"日志现有 {size} 条已封印的记录"
    return Invalid(
        detail, f"The log has {size} rows", errors=[FieldError("size", detail, "too large", pointer)]
    )


async def store_cosignature(work: UnitOfWork, body: Cosignature) -> LogHead:
    """Keep a cosignature that verifies against an enrolled witness and the head of its size. Invalid otherwise."""
    current = await merkle.read_size(work.session)
    if body.size > current:
        raise _refuse_size("/size", current)
    head = await _build_head(work, body.size)
    keys = {key.name: key for key in map(note.parse_key, work.context.settings.witness_keys)}
    try:
        key, _ = note.verify_cosignature(body.line, head, keys)
    except note.InvalidNote as error:
        detail = "不是已登记的见证方对这一日志头的签名"
        fault = FieldError("cosignature", detail, str(error), "/line")
        raise Invalid(detail, "No cosignature of a known witness", errors=[fault]) from error
    row = {"size": body.size, "witness": key.name, "line": f"{body.line.rstrip()}\n", "received_at": work.at}
    await execute_core(work.session, insert_once(work.session, log_cosignature, row))
    return await sign_log_head(work, body.size)


def head_router(service: str) -> APIRouter:
    """Public routes of one service: its key, heads, consistency proofs, cosignatures."""
    router = APIRouter(prefix=f"/{service}/log", tags=["审计"], route_class=Route)

    @router.get("/key", response_model=LogKey, **allows_anonymous())
    async def read_key(work: PublicReadWork) -> Any:  # noqa: ANN401 - shaped by response_model
        """本服务日志头的两把公钥(Ed25519、SM2). 见证方在登记时从运维处取得, 之后不再从网上取."""
        return _public_keys(work)

    # The size, the tiles and the cosignatures.
    @router.get("/head", response_model=LogHead, **allows_anonymous(statements=5))
    async def read_head(
        work: PublicReadWork,
        cosigned: Annotated[bool, Query(description="the newest with a cosignature")] = False,
    ) -> Any:  # noqa: ANN401 - shaped by response_model
        """现在的日志头(签名); `cosigned=true`: 最近一个有见证签名的日志头."""
        session = work.session
        return await sign_log_head(
            work, await find_cosigned_size(session) if cosigned else await merkle.read_size(session)
        )

    @router.get(
        "/consistency", response_model=ConsistencyProof, **allows_anonymous(refuses=(Invalid,), statements=3)
    )
    async def read_consistency(
        work: PublicReadWork,
        old: Annotated[int, Query(ge=1, le=MAX_SIZE)],
        size: Annotated[int, Query(ge=1, le=MAX_SIZE)],
    ) -> Any:  # noqa: ANN401 - shaped by response_model
        """一致性证明: 较大的日志以较小的日志开头, 中间没有改动."""
        current = await merkle.read_size(work.session)
        if not old <= size <= current:
            raise _refuse_size("/size", current)
        ranges = merkle.list_consistency_ranges(old, size)
        hashes = [base64.b64encode(one).decode() for one in await merkle.read_hashes(work.session, ranges)]
        return ConsistencyProof(old=old, size=size, hashes=hashes)

    # The size, the tiles, the cosignatures before and after.
    @router.post(
        "/cosignatures",
        response_model=LogHead,
        **allows_anonymous(refuses=(Invalid,), body=2048, statements=8),
    )
    async def add_cosignature(work: PublicWriteWork, body: Cosignature) -> Any:  # noqa: ANN401 - shaped by response_model
        """见证方提交对日志头的签名. 只接受已登记的见证方, 不需要账号."""
        return await store_cosignature(work, body)

    return router


def evidence_router(service: str, fsck: Fsck) -> APIRouter:
    """Routes of one service for auditors: proofs of events, and all evidence about records."""
    router = APIRouter(prefix=f"/{service}/log", tags=["审计"], route_class=Route)

    # The size, the row with its seal, the seal before, the tiles.
    @router.get(
        "/proof",
        response_model=InclusionProof,
        **requires(May.LOG_VERIFY, refuses=(Invalid, NotFound), statements=6),
    )
    async def read_proof(
        work: ReadWork,
        event: Annotated[UUID, Query(description="id of the event")],
        size: Annotated[int, Query(ge=0, le=MAX_SIZE, description="of a head; 0: of the current one")] = 0,
    ) -> Any:  # noqa: ANN401 - shaped by response_model
        """包含证明: 这一条事件在日志里, 内容如此."""
        current = await merkle.read_size(work.session)
        if size > current:
            raise _refuse_size("/size", current)
        found = await list_proved_events(work, event_log.c.id == event, size or current)
        if not found:
            raise NotFound(
                "日志里还没有这一条的封印", "No sealed event of this id", next_step="约 5 秒后再试"
            )
        return InclusionProof(size=size or current, **found[0].model_dump())

    # Events and seals of the records and of their files, the rows of each table, the tiles, the cosignatures.
    @router.get(
        "/evidence",
        response_model=Evidence,
        **requires(May.LOG_VERIFY, refuses=(Invalid,), statements=60),
    )
    async def read_evidence(
        work: ReadWork,
        subjects: Annotated[
            str, Query(min_length=1, max_length=8000, description="ids of records, by commas")
        ],
    ) -> Any:  # noqa: ANN401 - shaped by response_model
        """证据: 有关这些记录的全部事件及其证明, 以及事件最后写入的各条记录."""
        ids = sorted(set(subjects.split(",")))
        part = await collect_evidence(work, fsck, ids)
        head = await sign_log_head(work, part.size)
        return Evidence(
            **_public_keys(work).model_dump(),
            note=head.note,
            signature=_sign_evidence(work, ids, part),
            subjects=ids,
            witness_keys=list(work.context.settings.witness_keys),
            events=part.events,
            rows=part.rows,
        )

    return router
