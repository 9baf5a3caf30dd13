"""Every query about imports that is not one record or one page."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.attendance.check_ins.models import CheckIn
from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import DayResult
from services.attendance.imports.models import ExternalAccount, ImportedRecord, PullChannel
from services.attendance.imports.schemas import Channel, ImportedRecordState, PullState
from services.attendance.repository import visible_rows
from services.attendance.reviews.models import Review
from shared.auth import May, region_bounds
from shared.db import execute_core
from shared.events import insert_once
from shared.unit_of_work import UnitOfWork

RECORD_TABLE: sa.Table = ImportedRecord.__table__  # type: ignore[attr-defined]
MAX_ROWS_PER_INSERT = 500
# fmt: off
LOCATION_FIELDS = frozenset((
    "userLatitude", "userLongitude", "userAccuracy", "userAddress", "userSsid", "userMacAddr",
    "baseLatitude", "baseLongitude", "baseAddress", "baseSsid", "baseMacAddr", "photoUrl", "latitude",
    "longitude", "place", "detailPlace", "imageList", "lat", "lng", "location_title", "location_detail",
    "wifiname", "wifimac", "mediaids",
))
# fmt: on
"""Fields of DingTalk's and WeCom's records that say where somebody was."""


async def find_accounts(
    work: UnitOfWork, channel: Channel, externals: Sequence[str]
) -> dict[str, ExternalAccount]:
    """Who these accounts of another system are, within what the caller may import for."""
    query = select(ExternalAccount).where(
        ExternalAccount.channel == channel,
        col(ExternalAccount.external).in_(externals),
        work.actor.scope_filter(May.PRESENCE_IMPORT, col(ExternalAccount.region)),
    )
    return {one.external: one for one in await work.session.exec(query)}


async def list_external_ids(work: UnitOfWork, channel: Channel, region: str) -> list[str]:
    """Every account of another system in a region, for asking about them."""
    query = select(ExternalAccount.external).where(
        ExternalAccount.channel == channel,
        col(ExternalAccount.region).between(*region_bounds(region)),
        work.actor.scope_filter(May.PRESENCE_IMPORT, col(ExternalAccount.region)),
    )
    return list(await work.session.exec(query.order_by(col(ExternalAccount.external)).limit(10_000)))


async def insert_records(work: UnitOfWork, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Keep punches that were not kept before, in the work's transaction; the ids of the new ones."""
    fresh: set[UUID] = set()
    for start in range(0, len(rows), MAX_ROWS_PER_INSERT):
        statement = insert_once(work.session, RECORD_TABLE, list(rows[start : start + MAX_ROWS_PER_INSERT]))
        fresh |= set((await execute_core(work.session, statement)).scalars())
    return fresh


async def list_unmatched_records(work: UnitOfWork, channel: Channel, external: str) -> list[ImportedRecord]:
    """Punches that waited for this account to be known."""
    query = select(ImportedRecord).where(
        ImportedRecord.channel == channel,
        ImportedRecord.external == external,
        ImportedRecord.state == ImportedRecordState.UNMATCHED,
        work.actor.scope_filter(May.PRESENCE_IMPORT, col(ImportedRecord.region)),
    )
    return list(await work.session.exec(query.limit(5000)))


async def system_coarsen_records(
    session: AsyncSession, region: tuple[str, str], before: datetime, limit: int
) -> int:
    """Take places, addresses and networks out of the raw records of other systems from before an instant; how many."""
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


LEASE_DURATION = timedelta(minutes=5)
"""How long a pull that says nothing is believed alive."""


async def system_claim_due_channel(session: AsyncSession, at: datetime) -> PullChannel | None:
    """A channel that is due and that nobody is at, taken for this process."""
    query = select(PullChannel).where(
        col(PullChannel.enabled).is_(True),
        PullChannel.due_at <= at,
        sa.or_(col(PullChannel.leased_until).is_(None), col(PullChannel.leased_until) < at),
    )
    query = query.order_by(col(PullChannel.due_at)).limit(1).with_for_update(skip_locked=True)
    found = (await session.exec(query)).first()
    if found is not None:
        found.state, found.leased_until, found.attempts = (
            PullState.RUNNING,
            at + LEASE_DURATION,
            found.attempts + 1,
        )
        session.add(found)
        await session.flush()
    return found


async def system_update_pull(
    session: AsyncSession,
    channel_id: UUID,
    attempt: int,
    at: datetime,
    **values: Any,  # noqa: ANN401 - columns
) -> bool:
    """Write how a pull goes, while it is still this process's; whether it is."""
    table: sa.Table = PullChannel.__table__  # type: ignore[attr-defined]
    mine = (table.c.id == channel_id, table.c.attempts == attempt, table.c.leased_until.is_not(None))
    lease: dict[str, Any] = {"leased_until": at + LEASE_DURATION, "updated_at": at}
    done = await execute_core(session, sa.update(table).where(*mine).values(**(lease | values)))
    return bool(done.rowcount)


EXCHANGE_PERMISSION = May.PRESENCE_EXCHANGE
MAX_EXPORT_ROWS = 5000


async def list_check_ins_by_day(
    work: UnitOfWork, persons: Sequence[str], first: date, last: date
) -> list[CheckIn]:
    """Check-ins of persons that belong to these days."""
    query = select(CheckIn).where(
        col(CheckIn.person).in_(persons),
        col(CheckIn.work_date).between(first, last),
        visible_rows(work, CheckIn, EXCHANGE_PERMISSION),
    )
    return list(await work.session.exec(query.limit(MAX_EXPORT_ROWS)))


async def list_check_ins_by_time(
    work: UnitOfWork, persons: Sequence[str], since: datetime, until: datetime
) -> list[CheckIn]:
    """Check-ins of persons at these instants."""
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
    """Days that were worked and on which nothing was recorded."""
    query = select(AttendanceDay).where(
        col(AttendanceDay.person).in_(persons),
        col(AttendanceDay.work_date).between(first, last),
        AttendanceDay.result == DayResult.UNEXPLAINED,
        visible_rows(work, AttendanceDay, EXCHANGE_PERMISSION),
    )
    return list(await work.session.exec(query.limit(MAX_EXPORT_ROWS)))


async def list_reviews(
    work: UnitOfWork, persons: Sequence[str], first: date, last: date
) -> dict[tuple[str, date], Review]:
    """Reviews of persons' days."""
    query = select(Review).where(
        col(Review.person).in_(persons),
        col(Review.work_date).between(first, last),
        visible_rows(work, Review, EXCHANGE_PERMISSION),
    )
    return {(one.person, one.work_date): one for one in await work.session.exec(query)}
