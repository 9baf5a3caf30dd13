"""One executor for every lifecycle: ask first, then decide, change and tell, all or nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast

from pydantic import AwareDatetime, BaseModel, Field

from shared.auth import Actor
from shared.china import LabelledEnum
from shared.db import Record
from shared.errors import Conflict, FieldError, FieldErrorRead, Forbidden, Invalid, PreconditionMissing
from shared.events import Event
from shared.http import VersionMatch
from shared.lifecycle.table import Lifecycle, Transition
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

StateT = TypeVar("StateT", bound=LabelledEnum)
ActionT = TypeVar("ActionT", bound=LabelledEnum)
FactsT = TypeVar("FactsT")


class Stateful(Protocol):
    """What a record with a life has beside the fields of `Record`.

    A record with a second life (an asset's use beside its registration) has the same three under another name:
    `use`, `previous_use`, `use_since`.
    """

    state: Any
    previous_state: Any
    state_since: datetime


class TransitionRequest(BaseModel):
    """办理: what every move may carry."""

    reason: str = Field("", max_length=2000, description="理由")
    happened_at: AwareDatetime | None = Field(None, description="实际办理时间; 空为现在. 补录历史时填写")


class TransitionPreview(BaseModel):
    """试办结果: what would happen, or what is missing."""

    action: str
    from_state: str
    to_state: str
    allowed: bool
    missing: list[FieldErrorRead] = []


class AvailableAction(BaseModel):
    """可办事项: a move the caller may make, and whether anything is missing yet."""

    action: str
    label: str
    ready: bool
    missing: list[FieldErrorRead] = []


def _to_error_reads(faults: list[FieldError]) -> list[FieldErrorRead]:
    return [FieldErrorRead(pointer=fault.pointer, code=fault.code, detail=fault.detail) for fault in faults]


def effective_time(request: TransitionRequest, since: datetime, at: datetime) -> datetime:
    """When the move really happened: not in the future, not before the state it leaves began."""
    when = request.happened_at or at
    if when > at:
        raise Invalid(
            "办理时间不能晚于现在",
            "happened_at lies in the future",
            errors=[FieldError("in_the_future", "办理时间不能晚于现在", "in the future", "/happened_at")],
        )
    if when < since:
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
    return when


def _four_eyes_errors(row: Transition[Any, Any, Any], record: Record, actor: Actor) -> list[FieldError]:
    seen = [name for name in row.four_eyes if getattr(record, name) == actor.id]
    if not seen:
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
    """Take the record along one row of its table and tell it, or refuse with everything that is missing.

    Order: the row exists (Conflict), the actor may (404/403), the version is right (Stale), four eyes (Forbidden),
    guards (NotReady). A dry run stops before the change and says what it would be.
    The record must be locked by the caller (`with_for_update`), and its facts be read after that. `state_field` names the
    field that holds the state, for records with more than one life.
    """
    was = getattr(record, state_field)
    row = lifecycle.get_transition(was, action)
    work.actor.require(row.may, record.region, owner)
    if match is not None:
        match.check_version(record)
    target = _target_state(row, record, state_field)
    conflicts, errors = _four_eyes_errors(row, record, work.actor), row.unmet_guards(facts)
    if dry_run:
        missing = _to_error_reads([*conflicts, *errors])
        return TransitionPreview(
            action=action, from_state=was, to_state=target, allowed=not missing, missing=missing
        )
    when = effective_time(request, getattr(record, f"{state_field}_since"), work.at)
    if conflicts:
        raise Forbidden(conflicts[0].detail, conflicts[0].detail_en)
    if errors:
        raise PreconditionMissing(
            "；".join(error.detail for error in errors), f"{action} is not ready", errors=errors
        )
    if hasattr(record, f"previous_{state_field}"):
        setattr(record, f"previous_{state_field}", was)
    setattr(record, state_field, target)
    setattr(record, f"{state_field}_since", when)
    record.version += 1
    record.updated_at = work.at
    work.session.add(record)
    await work.publish(
        event(was, target), record, before={state_field: was}, reason=request.reason, happened_at=when
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
    """What this caller could do with the record now, so that a phone draws the right buttons."""
    found = []
    for row in lifecycle.transitions_from(getattr(record, state_field)):
        if work.actor.has_access(row.may, record.region, owner):
            missing = _to_error_reads([*_four_eyes_errors(row, record, work.actor), *row.unmet_guards(facts)])
            found.append(
                AvailableAction(action=row.action, label=row.action.label, ready=not missing, missing=missing)
            )
    return found


__all__ = [
    "AvailableAction",
    "Stateful",
    "TransitionPreview",
    "TransitionRequest",
    "apply_transition",
    "available_actions",
    "effective_time",
]
