"""Executor of lifecycle transitions: checks permission, version, four-eyes rule and guards, then changes and publishes."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from pydantic import AwareDatetime, BaseModel, Field
from pydantic_core import to_jsonable_python
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import Actor
from shared.china import LabelledEnum
from shared.db import Record
from shared.errors import (
    ApiError,
    Conflict,
    FieldError,
    FieldErrorRead,
    Forbidden,
    Invalid,
    NoSuchMove,
    NotFound,
    PreconditionFailed,
    PreconditionMissing,
    invalid_field,
)
from shared.events import Event, find_last_event
from shared.http import VersionMatch, requires
from shared.http.routing import DEFAULT_BODY_BYTES
from shared.lifecycle.table import Lifecycle, Transition
from shared.records.kinds import DEPARTMENT_COLUMN
from shared.records.save import save_record
from shared.request_body import RequestBody
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

REQUEST_DIGEST = "request_digest"
"""Name in the `before` of a move's event under which stands what it was asked with."""
StateT = TypeVar("StateT", bound=LabelledEnum)
ActionT = TypeVar("ActionT", bound=LabelledEnum)
FactsT = TypeVar("FactsT")


class Stateful(Protocol):
    """Fields of a record with a lifecycle, in addition to those of `Record`.

    A record with a second lifecycle (an asset's use beside its registration) has the same three fields under another
    name: `use`, `previous_use`, `use_since`.
    """

    state: Any
    previous_state: Any
    state_since: datetime


def get_department(record: Any) -> str:  # noqa: ANN401 - any record
    """The record's 主管部门, whose acts are not another line bureau's; empty where a record has none."""
    return str(getattr(record, DEPARTMENT_COLUMN, ""))


def moves(
    lifecycle: Lifecycle[Any, Any, Any],
    *,
    refuses: tuple[type[ApiError], ...] = (),
    body: int = DEFAULT_BODY_BYTES,
    statements: int | None = None,
) -> dict[str, Any]:
    """Keyword arguments of the route on which a record moves: its drawing, who may move, what any move may be refused with.

    `refuses` are further errors; `body` and `statements` as in `requires`.
    """
    usual = (NotFound, Conflict, PreconditionMissing, PreconditionFailed, Invalid)
    return {
        "description": f"```mermaid\n{lifecycle.to_mermaid()}\n```",
        **requires(*lifecycle.permissions(), refuses=(*usual, *refuses), body=body, statements=statements),
    }


class TransitionRequest(RequestBody):
    """办理: fields common to all transitions."""

    reason: str = Field("", max_length=2000, description="理由")
    happened_at: AwareDatetime | None = Field(None, description="实际办理时间; 空为现在. 补录历史时填写")


class TransitionPreview(BaseModel):
    """试办结果: the resulting state, or what is missing."""

    action: str
    from_state: str
    to_state: str
    allowed: bool
    missing: list[FieldErrorRead] = []


class AvailableAction(BaseModel):
    """可办事项: an action the caller may take, and what is still missing for it."""

    action: str
    label: str
    ready: bool
    missing: list[FieldErrorRead] = []


def _to_error_reads(errors: list[FieldError]) -> list[FieldErrorRead]:
    return [FieldErrorRead(pointer=error.pointer, code=error.code, detail=error.detail) for error in errors]


def entry_time(happened_at: datetime | None, at: datetime) -> datetime:
    """When a record was really made: as given, else now. Invalid in the future."""
    if happened_at is not None and happened_at > at:
        raise invalid_field("in_the_future", "时间不能晚于现在", "/happened_at", "It lies in the future")
    return happened_at or at


def effective_time(request: TransitionRequest, since: datetime, at: datetime) -> datetime:
    """The time of a transition; Invalid when it is in the future or before the start of the current state."""
    happened_at = request.happened_at or at
    if happened_at > at:
        raise Invalid(
            "办理时间不能晚于现在",
            "happened_at is in the future",
            errors=[FieldError("in_the_future", "办理时间不能晚于现在", "in the future", "/happened_at")],
        )
    if happened_at < since:
        raise Invalid(
            "办理时间早于上一步",
            "happened_at is before the previous move",
            errors=[
                FieldError(
                    "before_previous",
                    f"上一步在 {since.astimezone(CHINA_TIME_ZONE):%Y-%m-%d %H:%M}",
                    "before the previous",
                    "/happened_at",
                )
            ],
        )
    return happened_at


def _four_eyes_errors(row: Transition[Any, Any, Any], record: Record, actor: Actor) -> list[FieldError]:
    if not any(actor.is_same_person(getattr(record, name)) for name in row.four_eyes):
        return []
    return [
        FieldError(
            "four_eyes",
            f"不能{row.action.label}本人经办的事项, 须由另一人办理",
            "Four eyes: another person must",
        )
    ]


def _target_state(row: Transition[StateT, ActionT, FactsT], record: Record, state_field: str) -> StateT:
    target = row.target or getattr(record, f"previous_{state_field}")
    if target is None:
        raise Conflict("没有可恢复的状态", "No state to go back to")
    return cast("StateT", target)


def get_transition(
    work: UnitOfWork,
    lifecycle: Lifecycle[StateT, ActionT, FactsT],
    record: Record,
    action: ActionT,
    *,
    request: TransitionRequest,
    match: VersionMatch | None = None,
    dry_run: bool = False,
    state_field: str = "state",
) -> Transition[StateT, ActionT, FactsT]:
    """The row for a record and an action; NoSuchMove, which knows a repeat of the caller's own last move, when there is none."""
    try:
        return lifecycle.get_transition(getattr(record, state_field), action)
    except NoSuchMove as refusal:
        if not dry_run:
            move = _Repeat(lifecycle, type(record), record.id, action, request, match, state_field)
            refusal.is_repeat = partial(move.stands_as_asked, actor=work.actor.id)
        raise


def digest_request(request: TransitionRequest, record_id: object) -> str:
    """What a move was asked with, as 32 hexadecimal digits: a repeat asks the same, with nothing more and nothing less."""
    told = request.model_dump(mode="json", exclude_defaults=True)
    text = json.dumps([str(record_id), told], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class _Repeat:
    """A move that the lifecycle does not have from the record's state: perhaps it was made before and its answer lost."""

    lifecycle: Lifecycle[Any, Any, Any]
    kind: type[Record]
    record_id: Any
    action: LabelledEnum
    request: TransitionRequest
    match: VersionMatch | None
    state_field: str

    async def stands_as_asked(self, session: AsyncSession, *, actor: str) -> bool:
        """Whether the record's last change, as committed, is this very action by the same caller with the same content."""
        record = await session.get(self.kind, self.record_id)
        last = await find_last_event(session, str(self.record_id))
        if record is None or last is None or not self._fits_version(record.version):
            return False
        if (last.subject_version, last.actor, last.reason) != (record.version, actor, self.request.reason):
            return False
        now, came_from = getattr(record, self.state_field), (last.before or {}).get(self.state_field)
        moved = any(
            row.action == self.action and came_from in row.sources and row.target in {now, None}
            for row in self.lifecycle.transitions
        )
        if REQUEST_DIGEST in (last.before or {}):
            return moved and last.before[REQUEST_DIGEST] == digest_request(self.request, self.record_id)
        return moved and self._tells_what_stands(record)

    def _tells_what_stands(self, record: Record) -> bool:
        """Whether the request tells nothing else than the record holds: all that a log written by an earlier release can say."""
        told = self.request.model_dump(exclude={"reason", "happened_at"}, exclude_defaults=True)
        same = all(
            hasattr(record, name) and to_jsonable_python(getattr(record, name)) == to_jsonable_python(value)
            for name, value in told.items()
        )
        return same and self.request.happened_at in {None, getattr(record, f"{self.state_field}_since")}

    def _fits_version(self, version: int) -> bool:
        versions = None if self.match is None else self.match.versions
        return versions is None or bool(versions & {version, version - 1})


async def apply_transition(
    work: UnitOfWork,
    lifecycle: Lifecycle[StateT, ActionT, FactsT],
    record: Record,
    action: ActionT,
    facts: FactsT,
    *,
    request: TransitionRequest,
    event: Callable[[StateT, StateT], Event],
    match: VersionMatch | None = None,
    dry_run: bool = False,
    owner: str | None = None,
    state_field: str = "state",
) -> TransitionPreview | None:
    """Apply one transition to a record and publish its event; a dry run returns a preview instead.

    Checks, in this order: the row exists (NoSuchMove; a repeat of the caller's own last move is answered by what stands),
    permission (NotFound or Forbidden), version (PreconditionFailed), four-eyes rule (Forbidden), guards
    (PreconditionMissing with all that is missing).
    The caller must lock the record (`with_for_update`) and read `facts` after that. `state_field` is the field with
    the state, for records with two lifecycles.
    """
    previous = getattr(record, state_field)
    row = get_transition(
        work,
        lifecycle,
        record,
        action,
        request=request,
        match=match,
        dry_run=dry_run,
        state_field=state_field,
    )
    work.actor.require(row.may, record.region, owner, get_department(record))
    if match is not None:
        match.check_version(record)
    target = _target_state(row, record, state_field)
    conflicts, errors = _four_eyes_errors(row, record, work.actor), row.unmet_guards(facts)
    if dry_run:
        missing = _to_error_reads([*conflicts, *errors])
        return TransitionPreview(
            action=action, from_state=previous, to_state=target, allowed=not missing, missing=missing
        )
    happened_at = effective_time(request, getattr(record, f"{state_field}_since"), work.at)
    if conflicts:
        raise Forbidden(conflicts[0].detail, conflicts[0].detail_en)
    if errors:
        raise PreconditionMissing(
            "；".join(error.detail for error in errors), f"{action} is not ready", errors=errors
        )
    if hasattr(record, f"previous_{state_field}"):
        setattr(record, f"previous_{state_field}", previous)
    setattr(record, state_field, target)
    setattr(record, f"{state_field}_since", happened_at)
    await save_record(
        work,
        record,
        event(previous, target),
        before={state_field: previous, REQUEST_DIGEST: digest_request(request, record.id)},
        reason=request.reason,
        happened_at=happened_at,
    )
    return None


def available_actions(
    work: UnitOfWork,
    lifecycle: Lifecycle[StateT, ActionT, FactsT],
    record: Record,
    facts: FactsT,
    *,
    owner: str | None = None,
    state_field: str = "state",
) -> list[AvailableAction]:
    """The actions this caller may take on the record now, each with what is missing; clients show them as buttons."""
    actions = []
    for row in lifecycle.transitions_from(getattr(record, state_field)):
        if work.actor.has_access(row.may, record.region, owner, get_department(record)):
            missing = _to_error_reads([*_four_eyes_errors(row, record, work.actor), *row.unmet_guards(facts)])
            actions.append(
                AvailableAction(action=row.action, label=row.action.label, ready=not missing, missing=missing)
            )
    return actions


__all__ = [
    "AvailableAction",
    "Stateful",
    "TransitionPreview",
    "TransitionRequest",
    "apply_transition",
    "available_actions",
    "effective_time",
    "entry_time",
    "get_transition",
]
