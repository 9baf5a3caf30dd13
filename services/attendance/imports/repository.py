"""Queries on imports and channels, and the reads of the DingTalk format."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.models import CheckIn
from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import DayResult
from services.attendance.duties.models import Duty
from services.attendance.duties.schemas import DutyState
from services.attendance.imports.models import ExternalAccount, ImportedRecord, PullChannel
from services.attendance.imports.schemas import Channel, ImportedRecordState, PullState
from services.attendance.repository import visible_rows
from services.attendance.reviews.models import Review
from shared.auth import May
from shared.db import execute_core
from shared.events import insert_once
from shared.unit_of_work import UnitOfWork

MAX_ROWS_PER_INSERT = 500
"""SQLite accepts about 32,000 values per statement."""
RECORD_TABLE: sa.Table = ImportedRecord.__table__  # type: ignore[attr-defined]
# fmt: off
LOCATION_FIELDS = frozenset((
    "userLatitude", "userLongitude", "userAccuracy", "userAddress", "userSsid", "userMacAddr",
    "baseLatitude", "baseLongitude", "baseAddress", "baseSsid", "baseMacAddr", "photoUrl", "latitude",
    "longitude", "place", "detailPlace", "imageList", "lat", "lng", "location_title", "location_detail",
    "wifiname", "wifimac", "mediaids",
))
# fmt: on
"""Fields of DingTalk's and WeCom's records that reveal a location."""
LEASE_DURATION = timedelta(minutes=5)
"""Time without progress after which another process may take a pull over."""
EXCHANGE_PERMISSION = May.PRESENCE_EXCHANGE
MAX_EXPORT_ROWS = 5000


def _in_scope(work: UnitOfWork, region: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - any column
    """Regions where the caller imports records or keeps channels and accounts."""
    return sa.or_(
        work.actor.scope_filter(May.PRESENCE_IMPORT, region),
        work.actor.scope_filter(May.PRESENCE_CHANNEL, region),
    )


async def find_accounts(
    work: UnitOfWork, channel: Channel, externals: Sequence[str]
) -> dict[str, ExternalAccount]:
    """Returns external id → account, for accounts that the caller may import for."""
    query = select(ExternalAccount).where(
        ExternalAccount.channel == channel,
        col(ExternalAccount.external).in_(externals),
        _in_scope(work, col(ExternalAccount.region)),
    )
    return {account.external: account for account in await work.session.exec(query)}


async def list_external_ids(work: UnitOfWork, channel: Channel, region: str) -> list[str]:
    """Returns the external ids of a region's accounts, at most 10,000."""
    query = select(ExternalAccount.external).where(
        ExternalAccount.channel == channel,
        work.within_region(col(ExternalAccount.region), region),
        _in_scope(work, col(ExternalAccount.region)),
    )
    return list(await work.session.exec(query.order_by(col(ExternalAccount.external)).limit(10_000)))


async def insert_records(work: UnitOfWork, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Inserts imported records whose id is new; returns the new ids."""
    new_ids: set[UUID] = set()
    for start in range(0, len(rows), MAX_ROWS_PER_INSERT):
        statement = insert_once(work.session, RECORD_TABLE, list(rows[start : start + MAX_ROWS_PER_INSERT]))
        new_ids |= set((await execute_core(work.session, statement)).scalars())
    return new_ids


async def list_punch_times(
    work: UnitOfWork, channel: Channel, externals: Collection[str]
) -> dict[str, set[datetime]]:
    """Returns external id → the times of its records, to recognise a check-in that comes again in another form."""
    record = RECORD_TABLE.c
    query = sa.select(record.external, record.punched_at).where(
        record.channel == channel,
        record.external.in_(externals),
        record.punched_at.is_not(None),
        work.actor.scope_filter(May.PRESENCE_IMPORT, record.region),
    )
    times: dict[str, set[datetime]] = {}
    for row in await execute_core(work.session, query):
        times.setdefault(row.external, set()).add(row.punched_at)
    return times


async def list_unmatched_records(work: UnitOfWork, channel: Channel, external: str) -> list[ImportedRecord]:
    """Returns imported records that wait for this account to be registered, at most 5,000."""
    query = select(ImportedRecord).where(
        ImportedRecord.channel == channel,
        ImportedRecord.external == external,
        ImportedRecord.state == ImportedRecordState.UNMATCHED,
        _in_scope(work, col(ImportedRecord.region)),
    )
    return list(await work.session.exec(query.limit(5000)))


async def system_coarsen_records(
    session: AsyncSession, region: tuple[str, str], before: datetime, limit: int
) -> int:
    """Removes LOCATION_FIELDS from raw records before a time; returns the row count."""
    query = select(ImportedRecord).where(
        col(ImportedRecord.coarse).is_(False),
        col(ImportedRecord.punched_at) < before,
        col(ImportedRecord.region).between(*region),
    )
    rows = list(await session.exec(query.order_by(col(ImportedRecord.punched_at)).limit(limit)))
    for row in rows:
        row.raw = {name: value for name, value in row.raw.items() if name not in LOCATION_FIELDS}
        row.coarse = True
        session.add(row)
    await session.flush()
    return len(rows)


async def system_claim_due_channel(session: AsyncSession, at: datetime) -> PullChannel | None:
    """Claims one enabled channel that is due and not leased, or returns None."""
    query = select(PullChannel).where(
        col(PullChannel.enabled).is_(True),
        PullChannel.due_at <= at,
        sa.or_(col(PullChannel.leased_until).is_(None), col(PullChannel.leased_until) < at),
    )
    query = query.order_by(col(PullChannel.due_at)).limit(1).with_for_update(skip_locked=True)
    channel = (await session.exec(query)).first()
    if channel is not None:
        channel.state, channel.leased_until, channel.attempts = (
            PullState.RUNNING,
            at + LEASE_DURATION,
            channel.attempts + 1,
        )
        session.add(channel)
        await session.flush()
    return channel


async def system_update_pull(
    session: AsyncSession,
    channel_id: UUID,
    attempt: int,
    at: datetime,
    **values: Any,  # noqa: ANN401 - columns
) -> bool:
    """Writes the progress of a pull and renews its lease; returns False if another process took it over."""
    table: sa.Table = PullChannel.__table__  # type: ignore[attr-defined]
    own_lease = (table.c.id == channel_id, table.c.attempts == attempt, table.c.leased_until.is_not(None))
    lease: dict[str, Any] = {"leased_until": at + LEASE_DURATION, "updated_at": at}
    result = await execute_core(session, sa.update(table).where(*own_lease).values(**(lease | values)))
    return bool(result.rowcount)


async def list_check_ins_by_day(
    work: UnitOfWork, persons: Sequence[str], first: date, last: date
) -> list[CheckIn]:
    """Returns check-ins of persons by work date."""
    query = select(CheckIn).where(
        col(CheckIn.person).in_(persons),
        col(CheckIn.work_date).between(first, last),
        visible_rows(work, CheckIn, EXCHANGE_PERMISSION),
    )
    return list(await work.session.exec(query.limit(MAX_EXPORT_ROWS)))


async def list_check_ins_by_time(
    work: UnitOfWork, persons: Sequence[str], since: datetime, until: datetime
) -> list[CheckIn]:
    """Returns check-ins of persons by time, in order."""
    query = select(CheckIn).where(
        col(CheckIn.person).in_(persons),
        col(CheckIn.taken_at).between(since, until),
        visible_rows(work, CheckIn, EXCHANGE_PERMISSION),
    )
    return list(
        await work.session.exec(query.order_by(col(CheckIn.taken_at), col(CheckIn.id)).limit(MAX_EXPORT_ROWS))
    )


async def list_unexplained_days(
    work: UnitOfWork, persons: Sequence[str], first: date, last: date
) -> list[AttendanceDay]:
    """Returns workdays without any record."""
    query = select(AttendanceDay).where(
        col(AttendanceDay.person).in_(persons),
        col(AttendanceDay.work_date).between(first, last),
        AttendanceDay.result == DayResult.UNEXPLAINED,
        visible_rows(work, AttendanceDay, EXCHANGE_PERMISSION),
    )
    return list(await work.session.exec(query.limit(MAX_EXPORT_ROWS)))


async def list_duties(work: UnitOfWork, persons: Sequence[str], first: date, last: date) -> list[Duty]:
    """Returns the shifts that were not cancelled."""
    query = select(Duty).where(
        col(Duty.person).in_(persons),
        col(Duty.work_date).between(first, last),
        Duty.state != DutyState.CANCELLED,
        visible_rows(work, Duty, EXCHANGE_PERMISSION),
    )
    return list(await work.session.exec(query.limit(MAX_EXPORT_ROWS)))


async def list_reviews(
    work: UnitOfWork, persons: Sequence[str], first: date, last: date
) -> dict[tuple[str, date], Review]:
    """Returns (person, day) → review."""
    query = select(Review).where(
        col(Review.person).in_(persons),
        col(Review.work_date).between(first, last),
        visible_rows(work, Review, EXCHANGE_PERMISSION),
    )
    return {(review.person, review.work_date): review for review in await work.session.exec(query)}
