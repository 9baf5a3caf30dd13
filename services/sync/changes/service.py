"""Ask every service in turn for its page of changes; keep all positions in one cursor that belongs to one person."""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from services.sync.changes.schemas import ChangePage, MissingService, ResetProblem
from services.sync.delegation import Delegate
from shared.auth import Actor
from shared.clients import display_name
from shared.errors import ApiError, Forbidden, Gone, Invalid, Unavailable
from shared.records import ChangesRequest, ServiceChanges, StateHash, SyncState
from shared.request_body import load_json
from shared.unit_of_work import ServiceContext

MAX_PAGE_BYTES = 190_000
MIN_SERVICE_BYTES = 2_000
"""A page with less room left goes to no further service."""
HTTP_OK = 200
STATES = TypeAdapter(dict[str, SyncState])


class CursorReset(Gone):
    """410: a database was restored, or the cursor is ahead of its log; the answer carries what to compare."""

    def __init__(self, reset: ResetProblem) -> None:
        super().__init__(
            "游标不属于现在的数据: 系统从备份恢复过, 或迁移过服务器",
            "The cursor is of another epoch, or ahead of the log",
            next_step="比较各种类的校验值, 以答复里的 cursor 和 anew=校验值不同的种类 继续读取",
        )
        self.reset = reset

    def to_problem(
        self, *, english: bool = False, instance: str = "", request_id: str = ""
    ) -> dict[str, Any]:
        """The problem with the hashes and the cursor."""
        found = super().to_problem(english=english, instance=instance, request_id=request_id)
        return found | self.reset.model_dump(mode="json")


@dataclass
class _Collection:
    """What the services answered so far."""

    states: dict[str, SyncState]
    page: ChangePage
    hashes: dict[str, StateHash]
    room: int = MAX_PAGE_BYTES
    is_reset: bool = False


async def list_changes(
    context: ServiceContext,
    actor: Actor,
    cursor: str,
    kinds: list[str],
    anew: list[str],
    services: Collection[str] = (),
) -> ChangePage:
    """The next page; CursorReset when a service's log is not the one that the cursor was given for.

    Without `services` all are asked.
    """
    found = _Collection(
        states=read_cursor(actor, cursor),
        page=ChangePage(cursor="", more=False, records=[], gone=[], anew=[], missing=[]),
        hashes={},
    )
    delegate = Delegate(context, actor)
    for service in context.clients.list_services():
        if service == context.name or (services and service not in services):
            continue
        if found.room < MIN_SERVICE_BYTES:
            found.page.more = True
            break
        await _ask_service(delegate, service, found, kinds, anew)
    cursor = write_cursor(actor, found.states)
    if found.is_reset:
        raise CursorReset(ResetProblem(cursor=cursor, hashes=found.hashes))
    found.page.cursor = cursor
    return found.page


async def _ask_service(
    delegate: Delegate, service: str, found: _Collection, kinds: list[str], anew: list[str]
) -> None:
    asked = ChangesRequest(
        state=found.states.get(service), kinds=kinds, anew=anew, max_bytes=max(found.room, 1_000)
    )
    try:
        answer = await delegate.send(service, "POST", "/internal/changes", body=asked.model_dump(mode="json"))
        if answer.status_code != HTTP_OK:
            raise Unavailable(f"{display_name(service)}暂时无法处理", f"{service}: {answer.status_code}")
        changes = ServiceChanges.model_validate(answer.json())
    except (ApiError, ValueError) as error:
        reason = error.detail if isinstance(error, ApiError) else "答复无法识别"
        found.page.missing.append(MissingService(service=service, label=display_name(service), reason=reason))
        return
    found.states[service] = changes.state
    found.is_reset = found.is_reset or changes.reset
    found.hashes |= changes.hashes
    found.page.records += changes.records
    found.page.gone += changes.gone
    found.page.anew += changes.anew
    found.page.more = found.page.more or changes.more
    found.room -= len(answer.content)


def _owner_mark(actor: Actor) -> str:
    return hashlib.sha256(actor.id.encode()).hexdigest()[:16]


def write_cursor(actor: Actor, states: Mapping[str, SyncState]) -> str:
    """The positions in all services, bound to the person they were given to."""
    content = {
        "owner": _owner_mark(actor),
        "states": {name: state.model_dump(mode="json") for name, state in states.items()},
    }
    packed = zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_cursor(actor: Actor, cursor: str) -> dict[str, SyncState]:
    """The positions in a cursor; Forbidden for another person's, Invalid for what is none."""
    if not cursor:
        return {}
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), 100_000)
        content = load_json(text)
        states = STATES.validate_python(content["states"])
        owner = content["owner"]
    except (ValueError, KeyError, TypeError, binascii.Error, zlib.error, ValidationError) as error:
        raise Invalid("游标无效, 请不带 cursor 从头读取", "Not a cursor of changes") from error
    if owner != _owner_mark(actor):
        raise Forbidden("这个游标属于另一个人, 请不带 cursor 从头读取", "The cursor is another person's")
    return states
