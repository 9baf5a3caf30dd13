"""Setting a channel up, changing it, and asking for a pull."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from services.attendance import repository as records
from services.attendance.channels.kinds import PullState
from services.attendance.channels.models import PullChannel
from services.attendance.channels.schemas import ChannelChange, ChannelCreate, PullNow
from services.attendance.fields import not_future, within_a_year
from services.attendance.imports.service import allowed
from shared.contracts.attendance import ChannelChanged
from shared.creates import create
from shared.errors import Conflict
from shared.http import Match
from shared.ids import new_id
from shared.permissions import May
from shared.work import CHINA, Work

SHOWN = 2


def about(channel_id: UUID) -> str:
    """What a channel's sealed secret is bound to."""
    return f"pull_channel:{channel_id}:secret"


def next_time(hour: int, after: datetime) -> datetime:
    """The next full hour of this number in Beijing."""
    local = after.astimezone(CHINA)
    found = datetime.combine(local.date(), time(hour), CHINA)
    return (found if found > local else found + timedelta(days=1)).astimezone(UTC)


def _masked(secret: str) -> str:
    return "*" * 6 + secret[-SHOWN:]


async def add(work: Work, body: ChannelCreate) -> PullChannel:
    """Register a channel; its secret is sealed at once and never shown again."""
    await allowed(work, body.region)
    channel_id, secret = body.id or new_id(), body.app_secret.get_secret_value()
    columns = body.model_dump(exclude={"id", "region", "app_secret"})
    made, fresh = await create(
        work,
        PullChannel,
        body,
        region=body.region,
        id=channel_id,
        secret_sealed=work.context.keyring.seal(secret, about=about(channel_id)),
        secret_masked=_masked(secret),
        state=PullState.WAITING,
        due_at=next_time(body.hour, work.at),
        **columns,
    )
    if fresh:
        await work.tell(ChannelChanged(channel=made.channel, enabled=made.enabled), made)
    return made


async def get(work: Work, channel_id: UUID, *, lock: bool = False) -> PullChannel:
    """A channel of the caller's regions."""
    return await records.get(
        work, PullChannel, channel_id, "这个考勤接口", lock=lock, may=May.PRESENCE_IMPORT
    )


async def change(work: Work, channel_id: UUID, body: ChannelChange, match: Match) -> PullChannel:
    """Change a channel; another hour or secret lets the next pull begin at its next time."""
    row = await get(work, channel_id, lock=True)
    match.require(row)
    changes = body.model_dump(exclude_none=True, exclude={"app_secret"})
    for name, value in changes.items():
        setattr(row, name, value)
    if body.app_secret is not None:
        secret = body.app_secret.get_secret_value()
        row.secret_sealed = work.context.keyring.seal(secret, about=about(row.id))
        row.secret_masked, row.last_error = _masked(secret), ""
    if row.state is not PullState.RUNNING:
        row.due_at, row.state, row.failures = next_time(row.hour, work.at), PullState.WAITING, 0
    return await _kept(work, row)


async def pull_now(work: Work, channel_id: UUID, body: PullNow, match: Match) -> PullChannel:
    """Let the next pull begin at once, for these days or the last ones; Conflict while one runs."""
    row = await get(work, channel_id, lock=True)
    match.check(row)
    await allowed(work, row.region)
    if not row.enabled:
        raise Conflict("接口已停用, 请先启用", "The channel is switched off")
    if row.state is PullState.RUNNING and row.leased_until and row.leased_until > work.at:
        raise Conflict(f"正在导入, 已取回 {row.parts_done}/{row.parts}", "A pull is running")
    if body.first and body.last:
        within_a_year(body.first, body.last, "/last")
        not_future(body.last, work.today, "/last")
    row.first, row.last = body.first, body.last
    row.due_at, row.failures, row.parts, row.parts_done, row.fresh = work.at, 0, 0, 0, 0
    row.state, row.last_error = PullState.WAITING, ""
    return await _kept(work, row)


async def _kept(work: Work, row: PullChannel) -> PullChannel:
    row.version, row.updated_at = row.version + 1, work.at
    work.session.add(row)
    await work.tell(ChannelChanged(channel=row.channel, enabled=row.enabled), row)
    return row
