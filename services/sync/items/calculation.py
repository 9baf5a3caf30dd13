"""Pure functions over items: their order, their digest, the corrected time, what an answer means."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.sync.items.schemas import HoldReason, ItemDifference, ItemVerdict, SyncItemCreate

CLOCK_TOLERANCE_S = 120
"""Seconds: a smaller difference between the clocks is the way of the message and is not corrected."""
HTTP_OK, HTTP_REDIRECT, HTTP_FAULT = 200, 300, 500
UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, CONFLICT, STALE, INVALID, TOO_MANY = 401, 403, 404, 409, 412, 422, 429
FILE_CODE = "no_such_file"
SETTLED = frozenset({ItemVerdict.APPLIED, ItemVerdict.DUPLICATE})
"""Verdicts after which an item is never played again."""


@dataclass(slots=True)
class ItemOutcome:
    """What became of an item."""

    verdict: ItemVerdict
    reason: HoldReason = HoldReason.NONE
    status: int = 0
    waits_for: list[str] = field(default_factory=list)
    body: Any = None
    problem: dict[str, Any] | None = None
    current: Any = None
    differences: list[ItemDifference] = field(default_factory=list)

    @property
    def words(self) -> str:
        """One sentence about it, for lists."""
        if self.problem is not None:
            return str(self.problem.get("detail", ""))[:500]
        return self.reason.label if self.reason else self.verdict.label


def hold(
    reason: HoldReason, *, waits_for: Sequence[str] = (), problem: dict[str, Any] | None = None
) -> ItemOutcome:
    """The outcome of an item that waits."""
    return ItemOutcome(ItemVerdict.HELD, reason, waits_for=list(waits_for), problem=problem)


def refuse(code: str, words: str, pointer: str = "", status: int = INVALID) -> ItemOutcome:
    """The outcome of an item that is not accepted, with a problem of our own."""
    problem = {
        "type": "/problems/invalid",
        "title": "填写有误",
        "status": status,
        "detail": words,
        "errors": [{"pointer": pointer, "code": code, "detail": words}],
    }
    return ItemOutcome(ItemVerdict.REFUSED, status=status, problem=problem)


def compute_digest(item: SyncItemCreate) -> str:
    """SHA-256 over what an item asks: the same id with another digest is another item."""
    asked = [item.method, item.path, item.body, item.if_match, item.recorded_by]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def compute_batch_id(account: str, ids: Sequence[str]) -> UUID:
    """The same ids in the same order are the same batch, however often it is sent."""
    digest = hashlib.sha256("\n".join([account, *ids]).encode()).digest()
    return UUID(bytes=digest[:16], version=5)


def compute_offset(sent_at: datetime, received_at: datetime) -> float:
    """Seconds to add to a phone's clock; 0 within `CLOCK_TOLERANCE_S`."""
    offset = (received_at - sent_at).total_seconds()
    return offset if abs(offset) > CLOCK_TOLERANCE_S else 0.0


def correct_time(recorded_at: datetime, offset_s: float, received_at: datetime) -> datetime:
    """The time by which an item is judged: corrected, and never later than its arrival."""
    try:
        return min(recorded_at + timedelta(seconds=offset_s), received_at)
    except OverflowError:
        return received_at


def sort_items(items: Sequence[SyncItemCreate]) -> tuple[list[int], set[int]]:
    """Positions in the order of play, each after those it names; and the positions that wait for one another in a ring.

    Items keep the order sent wherever `after` allows it.
    """
    places = {item.id: at for at, item in enumerate(items)}
    waits = [{places[one] for one in item.after if one in places} for item in items]
    order: list[int] = []
    done: set[int] = set()
    left = list(range(len(items)))
    while any(waits[at] <= done for at in left):
        for at in left:
            if waits[at] <= done:
                order.append(at)
                done.add(at)
        left = [at for at in left if at not in done]
    return order, _find_rings(waits, left)


def _find_rings(waits: Sequence[set[int]], left: Sequence[int]) -> set[int]:
    """Those of the positions that can be reached from themselves."""
    rings: set[int] = set()
    for start in left:
        reached: set[int] = set()
        todo = [*waits[start]]
        while todo:
            at = todo.pop()
            if at not in reached:
                reached.add(at)
                todo += waits[at]
        if start in reached:
            rings.add(start)
    return rings


def judge_answer(status: int, headers: Mapping[str, str], body: Any) -> ItemOutcome:  # noqa: ANN401 - any JSON
    """What the answer of the route means for the item."""
    if HTTP_OK <= status < HTTP_REDIRECT:
        verdict = ItemVerdict.DUPLICATE if "idempotent-replayed" in headers else ItemVerdict.APPLIED
        return ItemOutcome(verdict, status=status, body=body)
    problem = body if isinstance(body, dict) else {"status": status, "detail": "服务的答复无法识别"}
    reason = _find_hold_reason(status, headers, problem)
    if reason is not None:
        return ItemOutcome(ItemVerdict.HELD, reason, status=status, problem=problem)
    verdict = ItemVerdict.CONFLICT if status in {CONFLICT, STALE} else ItemVerdict.REFUSED
    return ItemOutcome(verdict, status=status, problem=problem)


def _find_hold_reason(
    status: int, headers: Mapping[str, str], problem: Mapping[str, Any]
) -> HoldReason | None:
    if status >= HTTP_FAULT or status in {UNAUTHENTICATED, TOO_MANY}:
        return HoldReason.UNAVAILABLE
    if status == CONFLICT and "retry-after" in headers:
        return HoldReason.UNFINISHED
    codes = {one.get("code") for one in problem.get("errors", []) if isinstance(one, dict)}
    return HoldReason.FILE if status == INVALID and codes == {FILE_CODE} else None


def find_current_address(item: SyncItemCreate) -> str:
    """The address at which stands what an item conflicts with; empty when there is none."""
    if item.method != "POST":
        return item.path
    if isinstance(item.body, dict) and isinstance(item.body.get("id"), str):
        return f"{item.path}/{item.body['id']}"
    return item.path.rpartition("/")[0]


def list_differences(sent: Any, stands: Any) -> list[ItemDifference]:  # noqa: ANN401 - any JSON
    """The fields that were sent and stand otherwise."""
    if not isinstance(sent, dict) or not isinstance(stands, dict):
        return []
    return [
        ItemDifference(pointer=f"/{name}", sent=value, stands=stands[name])
        for name, value in sent.items()
        if name in stands and stands[name] != value
    ]
