"""Taking in what another system recorded: kept raw, once per source id, and made into check-ins that days count."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from services.attendance.check_ins import repository as check_ins
from services.attendance.check_ins.judging import work_date
from services.attendance.check_ins.schemas import Result, Source
from services.attendance.imports import repository
from services.attendance.imports.kinds import Channel, PunchState, RunState
from services.attendance.imports.models import External, ImportRun
from services.attendance.imports.reading import Read, read
from services.attendance.imports.schemas import ExternalCreate
from services.attendance.policy import Limits, Switches, ruled
from services.attendance.posts import stationing
from services.attendance.posts.stationing import Station
from shared.contracts.attendance import ImportFinished
from shared.creates import create
from shared.errors import Fault, Forbidden, Invalid
from shared.fences import Standing, Verdict, verdict
from shared.ids import new_id
from shared.permissions import May
from shared.places import Datum, Point, to_wgs84
from shared.work import Work

MOST_FAULTS = 50
LONGEST = 1000


def identity(channel: Channel, source_id: str) -> UUID:
    """The id a record of another system always gets, so that it is taken in once."""
    return uuid5(NAMESPACE_URL, f"xianjie:{channel}:{source_id}")


async def allowed(work: Work, region: str) -> None:
    """Forbidden where the district has switched imports off."""
    work.actor.require(May.PRESENCE_IMPORT, region)
    switches, _ = await ruled(work, "check_in.switches", Switches, region)
    if not switches.imports:
        raise Forbidden("本地未开通考勤导入", "Imports are switched off here")


def understood(channel: Channel, records: Sequence[dict[str, Any]]) -> list[Read]:
    """Every record read; Invalid names those that are none."""
    found, faults = [], []
    for at, raw in enumerate(records):
        try:
            found.append(read(channel, raw))
        except ValueError as error:
            faults.append(Fault("not_a_record", str(error)[:200], "not a record", f"/records/{at}"))
    if faults:
        raise Invalid(f"{len(faults)} 条记录无法识别", "Some records are none", faults=faults[:MOST_FAULTS])
    return found


def _read_all(
    channel: Channel, records: Sequence[dict[str, Any]], *, strict: bool
) -> tuple[list[Read], Sequence[dict[str, Any]], str]:
    if strict:
        return understood(channel, records), records, ""
    found, kept, bad = [], [], []
    for raw in records:
        try:
            found.append(read(channel, raw))
            kept.append(raw)
        except ValueError as error:
            bad.append(str(error))
    words = f"{len(bad)} 条无法识别: {'; '.join(dict.fromkeys(bad))}" if bad else ""
    return found, kept, words[:LONGEST]


async def take_in(
    work: Work, channel: Channel, region: str, records: Sequence[dict[str, Any]], *, strict: bool = True
) -> ImportRun:
    """Keep records and make check-ins of those that are valid and whose person is known; the rest is counted.

    `strict` refuses everything when one record is none (a file somebody can mend); otherwise the run says which were not.
    """
    found, records, detail = _read_all(channel, records, strict=strict)
    known = await repository.persons(work, channel, [one.external for one in found])
    rows: dict[UUID, dict[str, Any]] = {}
    reads: dict[UUID, Read] = {}
    for one, raw in zip(found, records, strict=True):
        row = _punch(work, channel, region, one, raw, known.get(one.external))
        if rows.setdefault(row["id"], row) is row:
            reads[row["id"]] = one
    fresh = await repository.keep(work, list(rows.values()))
    counts = Counter(rows[one]["state"] for one in fresh)
    taken = [reads[one] for one in fresh if rows[one]["state"] is PunchState.TAKEN]
    await _checked_in(work, channel, taken, known)
    run = ImportRun(
        id=new_id(),
        region=region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        channel=channel,
        state=RunState.DONE,
        fresh=counts[PunchState.TAKEN],
        known=len(found) - len(fresh),
        invalid=counts[PunchState.INVALID],
        unsigned=counts[PunchState.UNSIGNED],
        unmatched=counts[PunchState.UNMATCHED],
        detail=detail,
    )
    work.session.add(run)
    await work.session.flush()
    told = ImportFinished(source=channel, fresh=run.fresh, known=run.known, unmatched=run.unmatched)
    await work.tell(told, run)
    return run


def _punch(
    work: Work, channel: Channel, region: str, one: Read, raw: dict[str, Any], who: External | None
) -> dict[str, Any]:
    state = PunchState.TAKEN
    if who is None:
        state = PunchState.UNMATCHED
    elif one.at is None:
        state = PunchState.UNSIGNED
    elif not one.valid:
        state = PunchState.INVALID
    identifier = identity(channel, one.source_id)
    return {
        "id": identifier,
        "channel": channel,
        "source_id": one.source_id,
        "external": one.external,
        "region": region,
        "state": state,
        "punched_at": one.at,
        "raw": raw,
        "check_in_id": identifier if state is PunchState.TAKEN else None,
        "created_at": work.at,
    }


async def _checked_in(
    work: Work, channel: Channel, taken: Sequence[Read], known: dict[str, External]
) -> None:
    if not taken:
        return
    limits, rule = await ruled(work, "check_in.limits", Limits)
    first = min(one.at for one in taken if one.at).date() - timedelta(days=1)
    persons = {known[one.external].person for one in taken}
    where = await stationing.read(work.session, list(persons), first)
    rows = [
        _row(work, channel, one, known[one.external], where[known[one.external].person], limits, rule.ref)
        for one in taken
    ]
    await check_ins.system_insert(work.session, [(row, work.actor) for row in rows])


def _row(
    work: Work,
    channel: Channel,
    one: Read,
    who: External,
    stations: Sequence[Station],
    limits: Limits,
    rule: str,
) -> dict[str, Any]:
    at = one.at or work.at
    day = work_date(at, limits)
    place = to_wgs84(*one.place, Datum.GCJ02) if one.place else None
    station, found = _found([one for one in stations if one.on(day)], place, one.accuracy_m, limits)
    standing = found.kind if found else one.standing
    held = station is None or standing in {None, Standing.UNSURE}
    flags = ["no_post"] if station is None else ["no_fix"] if standing is None else []
    return {
        "id": identity(channel, one.source_id),
        "region": station.region if station else who.region,
        **_record(work),
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


def _record(work: Work) -> dict[str, Any]:
    return {
        "version": 1,
        "created_at": work.at,
        "created_by": work.actor.id,
        "updated_at": work.at,
        "created_digest": "",
        "received_at": work.at,
    }


def _found(
    here: Sequence[Station], place: Point | None, accuracy_m: float | None, limits: Limits
) -> tuple[Station | None, Verdict | None]:
    """The station that suits the place best, by our own fences; the first one where there is no place."""
    owners = [station for station in here for _ in station.fences]
    if place is None or not owners:
        return (here[0] if here else None), None
    fences = [fence for station in here for fence in station.fences]
    found = verdict(fences, place, accuracy_m, unstated_m=limits.unstated_m)
    return owners[found.fence], found


async def match(work: Work, body: ExternalCreate) -> External:
    """Say who an account of another system is; its records that waited become check-ins."""
    work.actor.require(May.PRESENCE_IMPORT, body.region)
    columns = body.model_dump(exclude={"id", "region"})
    made, fresh = await create(work, External, body, region=body.region, id=body.id, **columns)
    if not fresh:
        return made
    taken = []
    for punch in await repository.unmatched(work, body.channel, body.external):
        one = read(punch.channel, punch.raw)
        punch.state = PunchState.UNSIGNED if one.at is None else PunchState.TAKEN
        if one.at is not None and not one.valid:
            punch.state = PunchState.INVALID
        if punch.state is PunchState.TAKEN:
            punch.check_in_id = punch.id
            taken.append(one)
        work.session.add(punch)
    await work.session.flush()
    await _checked_in(work, body.channel, taken, {body.external: made})
    return made
