"""Taking in what another system recorded: kept raw, once per source id, and made into check-ins that days count."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog
from pydantic import SecretStr

from services.attendance import repository as records
from services.attendance.check_ins import repository as check_ins
from services.attendance.check_ins.calculation import resolve_work_date
from services.attendance.check_ins.schemas import Result, Source
from services.attendance.fields import require_not_future, require_span_limit
from services.attendance.imports import importer
from services.attendance.imports import repository as imports
from services.attendance.imports.importer import ParsedRecord, parse_record
from services.attendance.imports.models import ExternalAccount, ImportRun, PullChannel
from services.attendance.imports.schemas import (
    Channel,
    ChannelChange,
    ChannelCreate,
    ExternalCreate,
    ImportedRecordState,
    ImportPull,
    PullNow,
    PullState,
    RunState,
)
from services.attendance.policy import CheckInLimits, CheckInSwitches, load_rule
from services.attendance.posts import assignment_cache
from services.attendance.posts.assignment_cache import CachedAssignment
from shared.auth import Actor, Grant, May, Role
from shared.china import Datum, FencePosition, FenceVerdict, Point, evaluate_fences, to_wgs84
from shared.clients.attendance import ChannelChanged, ImportFinished
from shared.db import new_id
from shared.errors import ApiError, Conflict, FieldError, Forbidden, Invalid
from shared.http import VersionMatch
from shared.records import create_record
from shared.unit_of_work import CHINA_TIME_ZONE, ServiceContext, UnitOfWork

MAX_FAULTS = 50
MAX_DETAIL_LENGTH = 1000


def build_record_id(channel: Channel, source_id: str) -> UUID:
    """The id a record of another system always gets, so that it is taken in once."""
    return uuid5(NAMESPACE_URL, f"xianjie:{channel}:{source_id}")


async def require_imports_enabled(work: UnitOfWork, region: str) -> None:
    """Forbidden where the district has switched imports off."""
    work.actor.require(May.PRESENCE_IMPORT, region)
    switches, _ = await load_rule(work, "check_in.switches", CheckInSwitches, region)
    if not switches.imports:
        raise Forbidden("本地未开通考勤导入", "Imports are switched off here")


def parse_records(channel: Channel, records: Sequence[dict[str, Any]]) -> list[ParsedRecord]:
    """Every record read; Invalid names those that are none."""
    found, faults = [], []
    for at, raw in enumerate(records):
        try:
            found.append(parse_record(channel, raw))
        except ValueError as error:
            faults.append(FieldError("not_a_record", str(error)[:200], "not a record", f"/records/{at}"))
    if faults:
        raise Invalid(f"{len(faults)} 条记录无法识别", "Some records are none", errors=faults[:MAX_FAULTS])
    return found


def _parse_all(
    channel: Channel, records: Sequence[dict[str, Any]], *, strict: bool
) -> tuple[list[ParsedRecord], Sequence[dict[str, Any]], str]:
    if strict:
        return parse_records(channel, records), records, ""
    found, kept, bad = [], [], []
    for raw in records:
        try:
            found.append(parse_record(channel, raw))
            kept.append(raw)
        except ValueError as error:
            bad.append(str(error))
    words = f"{len(bad)} 条无法识别: {'; '.join(dict.fromkeys(bad))}" if bad else ""
    return found, kept, words[:MAX_DETAIL_LENGTH]


async def import_records(
    work: UnitOfWork, channel: Channel, region: str, records: Sequence[dict[str, Any]], *, strict: bool = True
) -> ImportRun:
    """Keep records and make check-ins of those that are valid and whose person is known; the rest is counted.

    `strict` refuses everything when one record is none (a file somebody can mend); otherwise the run says which were not.
    """
    found, records, detail = _parse_all(channel, records, strict=strict)
    known = await imports.find_accounts(work, channel, [one.external for one in found])
    rows: dict[UUID, dict[str, Any]] = {}
    reads: dict[UUID, ParsedRecord] = {}
    for one, raw in zip(found, records, strict=True):
        row = _build_record_row(work, channel, region, one, raw, known.get(one.external))
        if rows.setdefault(row["id"], row) is row:
            reads[row["id"]] = one
    fresh = await imports.insert_records(work, list(rows.values()))
    counts = Counter(rows[one]["state"] for one in fresh)
    taken = [reads[one] for one in fresh if rows[one]["state"] is ImportedRecordState.TAKEN]
    await _insert_check_ins(work, channel, taken, known)
    run = ImportRun(
        id=new_id(),
        region=region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        channel=channel,
        state=RunState.DONE,
        fresh=counts[ImportedRecordState.TAKEN],
        known=len(found) - len(fresh),
        invalid=counts[ImportedRecordState.INVALID],
        unsigned=counts[ImportedRecordState.UNSIGNED],
        unmatched=counts[ImportedRecordState.UNMATCHED],
        detail=detail,
    )
    work.session.add(run)
    await work.session.flush()
    told = ImportFinished(source=channel, fresh=run.fresh, known=run.known, unmatched=run.unmatched)
    await work.publish(told, run)
    return run


def _build_record_row(
    work: UnitOfWork,
    channel: Channel,
    region: str,
    one: ParsedRecord,
    raw: dict[str, Any],
    who: ExternalAccount | None,
) -> dict[str, Any]:
    state = ImportedRecordState.TAKEN
    if who is None:
        state = ImportedRecordState.UNMATCHED
    elif one.at is None:
        state = ImportedRecordState.UNSIGNED
    elif not one.valid:
        state = ImportedRecordState.INVALID
    identifier = build_record_id(channel, one.source_id)
    return {
        "id": identifier,
        "channel": channel,
        "source_id": one.source_id,
        "external": one.external,
        "region": region,
        "state": state,
        "punched_at": one.at,
        "raw": raw,
        "check_in_id": identifier if state is ImportedRecordState.TAKEN else None,
        "created_at": work.at,
    }


async def _insert_check_ins(
    work: UnitOfWork, channel: Channel, taken: Sequence[ParsedRecord], known: dict[str, ExternalAccount]
) -> None:
    if not taken:
        return
    limits, rule = await load_rule(work, "check_in.limits", CheckInLimits)
    first = min(one.at for one in taken if one.at).date() - timedelta(days=1)
    persons = {known[one.external].person for one in taken}
    where = await assignment_cache.load_assignments(work.session, list(persons), first)
    rows = [
        _build_check_in_row(
            work, channel, one, known[one.external], where[known[one.external].person], limits, rule.ref
        )
        for one in taken
    ]
    await check_ins.system_insert_check_ins(work.session, [(row, work.actor) for row in rows])


def _build_check_in_row(
    work: UnitOfWork,
    channel: Channel,
    one: ParsedRecord,
    who: ExternalAccount,
    stations: Sequence[CachedAssignment],
    limits: CheckInLimits,
    rule: str,
) -> dict[str, Any]:
    at = one.at or work.at
    day = resolve_work_date(at, limits)
    place = to_wgs84(*one.place, Datum.GCJ02) if one.place else None
    station, found = _find_nearest_fence(
        [one for one in stations if one.covers(day)], place, one.accuracy_m, limits
    )
    standing = found.kind if found else one.verdict
    held = station is None or standing in {None, FencePosition.UNSURE}
    flags = ["no_post"] if station is None else ["no_fix"] if standing is None else []
    return {
        "id": build_record_id(channel, one.source_id),
        "region": station.region if station else who.region,
        **_build_base_columns(work),
        "person": who.person,
        "sent_by": f"{channel}:{one.external}"[:64],
        "kind": one.kind,
        "source": Source.SYSTEM,
        "work_date": day,
        "taken_at": at,
        "fixed_at": None,
        "post_id": station.post_id if station else None,
        "lon": place.lon if place else None,
        "lat": place.lat if place else None,
        "fix": {"lon": one.place[0], "lat": one.place[1], "datum": "gcj02"} if one.place else {},
        "accuracy_m": one.accuracy_m,
        "coarse": False,
        "mock": None,
        "device": one.device,
        "verdict": standing,
        "distance_m": found.distance_m if found else None,
        "margin_m": found.margin_m if found else None,
        "flags": flags,
        "result": Result.HELD if held else Result.APPLIED,
        "rule_version": rule,
        "remark": f"{channel.label}{'(管理员或审批补记)' if one.corrected else ''} {one.address}".strip(),
        "photo": "",
    }


def _build_base_columns(work: UnitOfWork) -> dict[str, Any]:
    return {
        "version": 1,
        "created_at": work.at,
        "created_by": work.actor.id,
        "updated_at": work.at,
        "created_digest": "",
        "received_at": work.at,
    }


def _find_nearest_fence(
    here: Sequence[CachedAssignment], place: Point | None, accuracy_m: float | None, limits: CheckInLimits
) -> tuple[CachedAssignment | None, FenceVerdict | None]:
    """The station that suits the place best, by our own fences; the first one where there is no place."""
    owners = [station for station in here for _ in station.fences]
    if place is None or not owners:
        return (here[0] if here else None), None
    fences = [fence for station in here for fence in station.fences]
    found = evaluate_fences(fences, place, accuracy_m, unstated_m=limits.unstated_m)
    return owners[found.fence], found


async def match_account(work: UnitOfWork, body: ExternalCreate) -> ExternalAccount:
    """Say who an account of another system is; its records that waited become check-ins."""
    work.actor.require(May.PRESENCE_IMPORT, body.region)
    columns = body.model_dump(exclude={"id", "region"})
    made, fresh = await create_record(work, ExternalAccount, body, region=body.region, id=body.id, **columns)
    if not fresh:
        return made
    taken = []
    for punch in await imports.list_unmatched_records(work, body.channel, body.external):
        one = parse_record(punch.channel, punch.raw)
        punch.state = ImportedRecordState.UNSIGNED if one.at is None else ImportedRecordState.TAKEN
        if one.at is not None and not one.valid:
            punch.state = ImportedRecordState.INVALID
        if punch.state is ImportedRecordState.TAKEN:
            punch.check_in_id = punch.id
            taken.append(one)
        work.session.add(punch)
    await work.session.flush()
    await _insert_check_ins(work, body.channel, taken, {body.external: made})
    return made


VISIBLE_SECRET_CHARS = 2


def build_associated_data(channel_id: UUID) -> str:
    """What a channel's sealed secret is bound to."""
    return f"pull_channel:{channel_id}:secret"


def get_next_due_time(hour: int, after: datetime) -> datetime:
    """The next full hour of this number in Beijing."""
    local = after.astimezone(CHINA_TIME_ZONE)
    found = datetime.combine(local.date(), time(hour), CHINA_TIME_ZONE)
    return (found if found > local else found + timedelta(days=1)).astimezone(UTC)


def _mask_secret(secret: str) -> str:
    return "*" * 6 + secret[-VISIBLE_SECRET_CHARS:]


async def create_channel(work: UnitOfWork, body: ChannelCreate) -> PullChannel:
    """Register a channel; its secret is sealed at once and never shown again."""
    await require_imports_enabled(work, body.region)
    channel_id, secret = body.id or new_id(), body.app_secret.get_secret_value()
    columns = body.model_dump(exclude={"id", "region", "app_secret"})
    made, fresh = await create_record(
        work,
        PullChannel,
        body,
        region=body.region,
        id=channel_id,
        secret_sealed=work.context.keyring.encrypt(secret, associated_data=build_associated_data(channel_id)),
        secret_masked=_mask_secret(secret),
        state=PullState.WAITING,
        due_at=get_next_due_time(body.hour, work.at),
        **columns,
    )
    if fresh:
        await work.publish(ChannelChanged(channel=made.channel, enabled=made.enabled), made)
    return made


async def get_channel(work: UnitOfWork, channel_id: UUID, *, lock: bool = False) -> PullChannel:
    """A channel of the caller's regions."""
    return await records.get_record(
        work, PullChannel, channel_id, "这个考勤接口", lock=lock, may=May.PRESENCE_IMPORT
    )


async def update_channel(
    work: UnitOfWork, channel_id: UUID, body: ChannelChange, match: VersionMatch
) -> PullChannel:
    """Change a channel; another hour or secret lets the next pull begin at its next time."""
    row = await get_channel(work, channel_id, lock=True)
    match.require_version(row)
    changes = body.model_dump(exclude_none=True, exclude={"app_secret"})
    for name, value in changes.items():
        setattr(row, name, value)
    if body.app_secret is not None:
        secret = body.app_secret.get_secret_value()
        row.secret_sealed = work.context.keyring.encrypt(
            secret, associated_data=build_associated_data(row.id)
        )
        row.secret_masked, row.last_error = _mask_secret(secret), ""
    if row.state is not PullState.RUNNING:
        row.due_at, row.state, row.failures = get_next_due_time(row.hour, work.at), PullState.WAITING, 0
    return await _save_channel(work, row)


async def request_pull(work: UnitOfWork, channel_id: UUID, body: PullNow, match: VersionMatch) -> PullChannel:
    """Let the next pull begin at once, for these days or the last ones; Conflict while one runs."""
    row = await get_channel(work, channel_id, lock=True)
    match.check_version(row)
    await require_imports_enabled(work, row.region)
    if not row.enabled:
        raise Conflict("接口已停用, 请先启用", "The channel is switched off")
    if row.state is PullState.RUNNING and row.leased_until and row.leased_until > work.at:
        raise Conflict(f"正在导入, 已取回 {row.parts_done}/{row.parts}", "A pull is running")
    if body.first and body.last:
        require_span_limit(body.first, body.last, "/last")
        require_not_future(body.last, work.today, "/last")
    row.first, row.last = body.first, body.last
    row.due_at, row.failures, row.parts, row.parts_done, row.fresh = work.at, 0, 0, 0, 0
    row.state, row.last_error = PullState.WAITING, ""
    return await _save_channel(work, row)


async def _save_channel(work: UnitOfWork, row: PullChannel) -> PullChannel:
    row.version, row.updated_at = row.version + 1, work.at
    work.session.add(row)
    await work.publish(ChannelChanged(channel=row.channel, enabled=row.enabled), row)
    return row


MAX_PULL_FAILURES = 5
"""Failures in a row after which a pull waits for its next day."""
MIN_RETRY_DELAY = timedelta(minutes=15)
log = structlog.get_logger("channels")


@dataclass(frozen=True)
class PullJob:
    """One claimed pull."""

    id: UUID
    attempt: int
    failures: int
    hour: int
    request: ImportPull
    actor: Actor


class PullTakenOver(Exception):
    """Another process took the pull over."""


async def run_due_pull(context: ServiceContext) -> bool:
    """Pull one channel that is due; whether there was one. What goes wrong stands in its `last_error`."""
    async with context.database.write() as session:
        row = await imports.system_claim_due_channel(session, context.clock())
        job = None if row is None else _build_job(context, row)
    if job is None:
        return False
    try:
        await _run_job(context, job)
    except PullTakenOver:
        log.warning("pull taken over", channel=str(job.id))
    except ApiError as refusal:
        await _record_failure(context, job, refusal.detail)
    except Exception:
        # One broken answer must not end the others' pulls.
        log.exception("pull failed", channel=str(job.id))
        await _record_failure(context, job, "系统内部错误, 请告知管理员")
    return True


def _build_job(context: ServiceContext, row: PullChannel) -> PullJob:
    """The pull in the name of the organisation department of the channel's region."""
    today = context.clock().astimezone(CHINA_TIME_ZONE).date()
    first, last = row.first or today - timedelta(days=row.days_back), row.last or today
    asked = ImportPull(
        channel=row.channel,
        region=row.region,
        first=first,
        last=last,
        app_key=row.app_key,
        app_secret=SecretStr(
            context.keyring.decrypt(row.secret_sealed, associated_data=build_associated_data(row.id))
        ),
        details=row.details,
    )
    name = f"{row.channel.label}定时导入"
    actor = Actor(f"channel:{row.channel}", name, (Grant(Role.BUREAU, row.region),), kind="service")
    return PullJob(row.id, row.attempts, row.failures, row.hour, asked, actor)


async def _run_job(context: ServiceContext, job: PullJob) -> None:
    async with context.database.read() as session:
        work = context.unit_of_work(session, job.actor)
        await require_imports_enabled(work, job.request.region)
        users = await imports.list_external_ids(work, job.request.channel, job.request.region)
        today = work.today
    parts = importer.plan_calls(job.request, users, today)
    fresh, token = 0, await importer.fetch_token(context.clients, job.request) if parts else ""
    for done, part in enumerate(parts):
        found = await importer.fetch_records(context.clients, token, job.request, part)
        fresh += await _import_call(context, job, found, fresh, done + 1, len(parts))
    due = get_next_due_time(job.hour, context.clock())
    await _finish_job(context, job, due, state=PullState.WAITING, last_error="", failures=0, done=True)


async def _import_call(
    context: ServiceContext, job: PullJob, found: Sequence[dict[str, Any]], before: int, done: int, parts: int
) -> int:
    """Take one part in and say how far the pull is, both or neither; how many records were new."""
    async with context.database.write() as session:
        work = UnitOfWork(session, job.actor, context.clock(), context)
        fresh = 0
        if found:
            fresh = (
                await import_records(work, job.request.channel, job.request.region, found, strict=False)
            ).fresh
        progress = {"parts": parts, "parts_done": done, "fresh": before + fresh}
        days: dict[str, date] = {"first": job.request.first, "last": job.request.last}
        if not await imports.system_update_pull(session, job.id, job.attempt, work.at, **progress, **days):
            raise PullTakenOver
    return fresh


async def _record_failure(context: ServiceContext, job: PullJob, words: str) -> None:
    now = context.clock()
    again = job.failures + 1
    due = (
        now + MIN_RETRY_DELAY * 2**job.failures
        if again < MAX_PULL_FAILURES
        else get_next_due_time(job.hour, now)
    )
    await _finish_job(context, job, due, state=PullState.FAILED, last_error=words[:500], failures=again)


async def _finish_job(
    context: ServiceContext, job: PullJob, due: datetime, *, done: bool = False, **values: Any
) -> None:
    async with context.database.write() as session:
        now = context.clock()
        values |= {"due_at": due, "leased_until": None}
        if done:
            values |= {"last_done_at": now, "first": None, "last": None}
        await imports.system_update_pull(session, job.id, job.attempt, now, **values)
