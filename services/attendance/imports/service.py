"""Imports from DingTalk and WeCom: raw records are stored once by source id, and become check-ins that days count."""

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
from services.attendance.check_ins.calculation import find_nearest_fence, resolve_work_date
from services.attendance.check_ins.schemas import CheckInSource, Result
from services.attendance.fields import get_district, require_not_future, require_span_limit
from services.attendance.imports import importer, repository
from services.attendance.imports.importer import ParsedRecord, parse_record, parse_records
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
from services.attendance.policy import CHECK_IN_LIMITS, CHECK_IN_SWITCHES, CheckInLimits
from services.attendance.posts import assignment_cache
from services.attendance.posts.assignment_cache import CachedAssignment
from shared.auth import Actor, Grant, May, Role
from shared.china import Datum, FencePosition, to_local_date, to_wgs84
from shared.clients.attendance import ChannelChanged, ImportFinished
from shared.db import new_id
from shared.errors import ApiError, Conflict, Forbidden
from shared.http import VersionMatch
from shared.records import create_record, insert_record, save_record
from shared.rules import Rule
from shared.unit_of_work import CHINA_TIME_ZONE, ServiceContext, UnitOfWork

VISIBLE_SECRET_CHARS = 2
MAX_PULL_FAILURES = 5
"""Consecutive failures after which a pull waits for its next regular time."""
MIN_RETRY_DELAY = timedelta(minutes=15)
log = structlog.get_logger("channels")


@dataclass(frozen=True)
class PullJob:
    """A claimed pull: its request, actor and attempt number."""

    id: UUID
    attempt: int
    failures: int
    hour: int
    request: ImportPull
    actor: Actor


class PullTakenOver(Exception):
    """Another process took the pull over after the lease expired."""


def build_record_id(channel: Channel, source_id: str) -> UUID:
    """Returns the id derived from a record's source id, so that it is stored once."""
    return uuid5(NAMESPACE_URL, f"xianjie:{channel}:{source_id}")


async def require_imports_enabled(work: UnitOfWork, region: str, may: May = May.PRESENCE_CHANNEL) -> None:
    """Raises Forbidden without the permission or where the district switched imports off."""
    work.actor.require(may, region)
    switches = (await work.get_rule(CHECK_IN_SWITCHES, region=region)).value
    if not switches.imports:
        raise Forbidden("本地未开通考勤导入", "Imports are switched off here")


async def import_records(
    work: UnitOfWork,
    channel: Channel,
    region: str,
    raw_records: Sequence[dict[str, Any]],
    *,
    strict: bool = True,
) -> ImportRun:
    """Stores records, inserts check-ins for valid ones with a known person, and counts the rest in the run.

    The run's detail names malformed ones; `strict` raises Invalid if all are.
    """
    parsed, raw_records, detail = parse_records(channel, raw_records, strict=strict)
    accounts = await repository.find_accounts(work, channel, [record.external for record in parsed])
    rows: dict[UUID, dict[str, Any]] = {}
    parsed_by_id: dict[UUID, ParsedRecord] = {}
    for record, raw in zip(parsed, raw_records, strict=True):
        row = _build_record_row(work, channel, region, record, raw, accounts.get(record.external))
        if rows.setdefault(row["id"], row) is row:
            parsed_by_id[row["id"]] = record
    new_ids = await repository.insert_records(work, list(rows.values()))
    counts = Counter(rows[id_]["state"] for id_ in new_ids)
    matched = [parsed_by_id[id_] for id_ in new_ids if rows[id_]["state"] is ImportedRecordState.TAKEN]
    await _insert_check_ins(work, channel, matched, accounts)
    run = ImportRun(
        id=new_id(),
        region=region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        channel=channel,
        state=RunState.DONE,
        fresh=counts[ImportedRecordState.TAKEN],
        known=len(parsed) - len(new_ids),
        invalid=counts[ImportedRecordState.INVALID],
        unsigned=counts[ImportedRecordState.UNSIGNED],
        unmatched=counts[ImportedRecordState.UNMATCHED],
        detail=detail,
    )
    event = ImportFinished(source=channel, fresh=run.fresh, known=run.known, unmatched=run.unmatched)
    await insert_record(work, run, event)
    return run


async def match_account(work: UnitOfWork, body: ExternalCreate) -> ExternalAccount:
    """Registers the person of an external account; records that waited for it become check-ins."""
    work.actor.require(May.PRESENCE_CHANNEL, body.region)
    columns = body.model_dump(exclude={"id", "region"})
    account, is_new = await create_record(
        work, ExternalAccount, body, region=body.region, id=body.id, **columns
    )
    if not is_new:
        return account
    matched = []
    for record in await repository.list_unmatched_records(work, body.channel, body.external):
        parsed = parse_record(record.channel, record.raw)
        record.state = ImportedRecordState.UNSIGNED if parsed.at is None else ImportedRecordState.TAKEN
        if parsed.at is not None and not parsed.valid:
            record.state = ImportedRecordState.INVALID
        if record.state is ImportedRecordState.TAKEN:
            record.check_in_id = record.id
            matched.append(parsed)
        work.session.add(record)
    await work.session.flush()
    await _insert_check_ins(work, body.channel, matched, {body.external: account})
    return account


def build_associated_data(channel_id: UUID) -> str:
    """Returns the associated data that binds an encrypted secret to its channel."""
    return f"pull_channel:{channel_id}:secret"


def get_next_due_time(hour: int, after: datetime) -> datetime:
    """Returns the next time after `after` at this hour in Beijing, in UTC."""
    local = after.astimezone(CHINA_TIME_ZONE)
    due = datetime.combine(local.date(), time(hour), CHINA_TIME_ZONE)
    return (due if due > local else due + timedelta(days=1)).astimezone(UTC)


async def create_channel(work: UnitOfWork, body: ChannelCreate) -> PullChannel:
    """Registers a channel; its secret is stored encrypted and never returned."""
    await require_imports_enabled(work, body.region)
    channel_id, secret = body.id or new_id(), body.app_secret.get_secret_value()
    columns = body.model_dump(exclude={"id", "region", "app_secret"})
    channel, _ = await create_record(
        work,
        PullChannel,
        body,
        event=lambda channel: ChannelChanged(channel=channel.channel, enabled=channel.enabled),
        region=body.region,
        id=channel_id,
        secret_sealed=work.context.keyring.encrypt(secret, associated_data=build_associated_data(channel_id)),
        secret_masked=_mask_secret(secret),
        state=PullState.WAITING,
        due_at=get_next_due_time(body.hour, work.at),
        **columns,
    )
    return channel


async def get_channel(work: UnitOfWork, channel_id: UUID, *, lock: bool = False) -> PullChannel:
    """Returns a channel that the caller may change. Raises NotFound."""
    return await records.get_record(
        work, PullChannel, channel_id, "这个考勤接口", lock=lock, may=May.PRESENCE_CHANNEL
    )


async def update_channel(
    work: UnitOfWork, channel_id: UUID, body: ChannelChange, match: VersionMatch
) -> PullChannel:
    """Changes a channel; unless a pull is running, the next pull is rescheduled and its failures are cleared."""
    channel = await get_channel(work, channel_id, lock=True)
    match.require_version(channel)
    changes = body.model_dump(exclude_none=True, exclude={"app_secret"})
    for name, value in changes.items():
        setattr(channel, name, value)
    if body.app_secret is not None:
        secret = body.app_secret.get_secret_value()
        channel.secret_sealed = work.context.keyring.encrypt(
            secret, associated_data=build_associated_data(channel.id)
        )
        channel.secret_masked, channel.last_error = _mask_secret(secret), ""
    if channel.state is not PullState.RUNNING:
        channel.due_at, channel.state, channel.failures = (
            get_next_due_time(channel.hour, work.at),
            PullState.WAITING,
            0,
        )
    return await _save_channel(work, channel)


async def request_pull(work: UnitOfWork, channel_id: UUID, body: PullNow, match: VersionMatch) -> PullChannel:
    """Schedules a pull at once, for these days or the last `days_back`. Raises Conflict if off or running."""
    channel = await get_channel(work, channel_id, lock=True)
    match.check_version(channel)
    await require_imports_enabled(work, channel.region)
    if not channel.enabled:
        raise Conflict("接口已停用, 请先启用", "The channel is switched off")
    if channel.state is PullState.RUNNING and channel.leased_until and channel.leased_until > work.at:
        raise Conflict(f"正在导入, 已取回 {channel.parts_done}/{channel.parts}", "A pull is running")
    if body.first and body.last:
        require_span_limit(body.first, body.last, "/last")
        require_not_future(body.last, work.today, "/last")
    channel.first, channel.last = body.first, body.last
    channel.due_at, channel.failures, channel.parts, channel.parts_done, channel.fresh = work.at, 0, 0, 0, 0
    channel.state, channel.last_error = PullState.WAITING, ""
    return await _save_channel(work, channel)


async def run_due_pull(context: ServiceContext) -> bool:
    """Runs one pull that is due; returns False if there is none. Errors are stored in `last_error`."""
    async with context.database.write() as session:
        channel = await repository.system_claim_due_channel(session, context.clock())
        job = None if channel is None else _build_job(context, channel)
    if job is None:
        return False
    try:
        await _run_job(context, job)
    except PullTakenOver:
        log.warning("pull taken over", channel=str(job.id))
    except ApiError as error:
        await _record_failure(context, job, error.detail)
    except Exception:
        # An error in one pull must not end the background task.
        log.exception("pull failed", channel=str(job.id))
        await _record_failure(context, job, "系统内部错误, 请告知管理员")
    return True


def _build_record_row(
    work: UnitOfWork,
    channel: Channel,
    region: str,
    parsed: ParsedRecord,
    raw: dict[str, Any],
    account: ExternalAccount | None,
) -> dict[str, Any]:
    """Returns the columns of an imported record, with its state."""
    state = ImportedRecordState.TAKEN
    if account is None:
        state = ImportedRecordState.UNMATCHED
    elif parsed.at is None:
        state = ImportedRecordState.UNSIGNED
    elif not parsed.valid:
        state = ImportedRecordState.INVALID
    identifier = build_record_id(channel, parsed.source_id)
    return {
        "id": identifier,
        "channel": channel,
        "source_id": parsed.source_id,
        "external": parsed.external,
        "region": region,
        "state": state,
        "punched_at": parsed.at,
        "raw": raw,
        "check_in_id": identifier if state is ImportedRecordState.TAKEN else None,
        "created_at": work.at,
    }


async def _insert_check_ins(
    work: UnitOfWork, channel: Channel, parsed: Sequence[ParsedRecord], accounts: dict[str, ExternalAccount]
) -> None:
    """Inserts the check-ins of matched records."""
    if not parsed:
        return
    first = min(record.at for record in parsed if record.at).date() - timedelta(days=1)
    persons = {accounts[record.external].person for record in parsed}
    assignments = await assignment_cache.load_assignments(work.session, list(persons), first)
    rows = []
    for record in parsed:
        account = accounts[record.external]
        day = to_local_date(record.at or work.at)
        rule = await work.get_rule(CHECK_IN_LIMITS, region=get_district(account.region), on=day)
        rows.append(_build_check_in_row(work, channel, record, account, assignments[account.person], rule))
    await check_ins.system_insert_check_ins(work.session, [(row, work.actor) for row in rows])


def _build_check_in_row(
    work: UnitOfWork,
    channel: Channel,
    parsed: ParsedRecord,
    account: ExternalAccount,
    assignments: Sequence[CachedAssignment],
    rule: Rule[CheckInLimits],
) -> dict[str, Any]:
    """Returns the columns of a check-in, evaluated against our fences; without a position the source's verdict counts."""
    at, limits = parsed.at or work.at, rule.value
    day = resolve_work_date(at, limits)
    position = to_wgs84(*parsed.place, Datum.GCJ02) if parsed.place else None
    current = [assignment.at(at) for assignment in assignments if assignment.covers(day)]
    assignment, match = current[0] if current else None, None
    if position is not None and any(candidate.fences for candidate in current):
        assignment, match = find_nearest_fence(current, position, parsed.accuracy_m, limits)
    verdict = match.kind if match else parsed.verdict
    is_held = assignment is None or verdict in {None, FencePosition.UNSURE}
    flags = ["no_post"] if assignment is None else ["no_fix"] if verdict is None else []
    return {
        "id": build_record_id(channel, parsed.source_id),
        "region": assignment.region if assignment else account.region,
        **_build_base_columns(work),
        "person": account.person,
        "sent_by": f"{channel}:{parsed.external}"[:64],
        "kind": parsed.kind,
        "source": CheckInSource.SYSTEM,
        "work_date": day,
        "taken_at": at,
        "fixed_at": None,
        "post_id": assignment.post_id if assignment else None,
        "lon": position.lon if position else None,
        "lat": position.lat if position else None,
        "fix": {"lon": parsed.place[0], "lat": parsed.place[1], "datum": "gcj02"} if parsed.place else {},
        "accuracy_m": parsed.accuracy_m,
        "coarse": False,
        "mock": None,
        "device": parsed.device,
        "verdict": verdict,
        "distance_m": match.distance_m if match else None,
        "margin_m": match.margin_m if match else None,
        "flags": flags,
        "result": Result.HELD if is_held else Result.APPLIED,
        "rule_version": rule.ref,
        "remark": f"{channel.label}{'(管理员或审批补记)' if parsed.corrected else ''} {parsed.address}".strip(),
        "photo": "",
    }


def _build_base_columns(work: UnitOfWork) -> dict[str, Any]:
    """Returns the columns of every record."""
    return {
        "version": 1,
        "created_at": work.at,
        "created_by": work.actor.id,
        "updated_at": work.at,
        "created_digest": "",
        "received_at": work.at,
    }


def _mask_secret(secret: str) -> str:
    """Returns the secret with all but its last characters masked."""
    return "*" * 6 + secret[-VISIBLE_SECRET_CHARS:]


async def _save_channel(work: UnitOfWork, channel: PullChannel) -> PullChannel:
    """Increments the version and publishes the change."""
    await save_record(work, channel, ChannelChanged(channel=channel.channel, enabled=channel.enabled))
    return channel


def _build_job(context: ServiceContext, channel: PullChannel) -> PullJob:
    """Returns the job, acting as the organisation department (BUREAU) of the channel's region."""
    today = context.clock().astimezone(CHINA_TIME_ZONE).date()
    first, last = channel.first or today - timedelta(days=channel.days_back), channel.last or today
    pull = ImportPull(
        channel=channel.channel,
        region=channel.region,
        first=first,
        last=last,
        app_key=channel.app_key,
        app_secret=SecretStr(
            context.keyring.decrypt(channel.secret_sealed, associated_data=build_associated_data(channel.id))
        ),
        details=channel.details,
    )
    name = f"{channel.channel.label}定时导入"
    actor = Actor(f"channel:{channel.channel}", name, (Grant(Role.BUREAU, channel.region),), kind="service")
    return PullJob(channel.id, channel.attempts, channel.failures, channel.hour, pull, actor)


async def _run_job(context: ServiceContext, job: PullJob) -> None:
    """Fetches and imports call by call, then schedules the next pull."""
    async with context.database.read() as session:
        work = context.unit_of_work(session, job.actor)
        await require_imports_enabled(work, job.request.region, May.PRESENCE_IMPORT)
        external_ids = await repository.list_external_ids(work, job.request.channel, job.request.region)
        today = work.today
    calls = importer.plan_calls(job.request, external_ids, today)
    fresh, token = 0, await importer.fetch_token(context.clients, job.request) if calls else ""
    for index, call in enumerate(calls):
        raw_records = await importer.fetch_records(context.clients, token, job.request, call)
        fresh += await _import_call(context, job, raw_records, fresh, index + 1, len(calls))
    due = get_next_due_time(job.hour, context.clock())
    await _finish_job(context, job, due, state=PullState.WAITING, last_error="", failures=0, done=True)


async def _import_call(
    context: ServiceContext,
    job: PullJob,
    raw_records: Sequence[dict[str, Any]],
    fresh_before: int,
    calls_done: int,
    calls_total: int,
) -> int:
    """Imports one call's records and its progress in one transaction; returns the number of new check-ins."""
    async with context.database.write() as session:
        work = UnitOfWork(session, job.actor, context.clock(), context)
        fresh = 0
        if raw_records:
            fresh = (
                await import_records(work, job.request.channel, job.request.region, raw_records, strict=False)
            ).fresh
        progress = {"parts": calls_total, "parts_done": calls_done, "fresh": fresh_before + fresh}
        days: dict[str, date] = {"first": job.request.first, "last": job.request.last}
        if not await repository.system_update_pull(session, job.id, job.attempt, work.at, **progress, **days):
            raise PullTakenOver
    return fresh


async def _record_failure(context: ServiceContext, job: PullJob, text: str) -> None:
    """Stores the error and schedules a retry with exponential delay."""
    now = context.clock()
    failures = job.failures + 1
    due = (
        now + MIN_RETRY_DELAY * 2**job.failures
        if failures < MAX_PULL_FAILURES
        else get_next_due_time(job.hour, now)
    )
    await _finish_job(context, job, due, state=PullState.FAILED, last_error=text[:500], failures=failures)


async def _finish_job(
    context: ServiceContext,
    job: PullJob,
    due: datetime,
    *,
    done: bool = False,
    **values: Any,  # noqa: ANN401 - columns
) -> None:
    """Ends the lease and schedules the next pull."""
    async with context.database.write() as session:
        now = context.clock()
        values |= {"due_at": due, "leased_until": None}
        if done:
            values |= {"last_done_at": now, "first": None, "last": None}
        await repository.system_update_pull(session, job.id, job.attempt, now, **values)
