"""重开: a closed year takes entries again by a decision document, with two names; what it was closed with stays."""

from uuid import UUID

from services.funds.years import repository
from services.funds.years.models import Reopening
from services.funds.years.schemas import ClosingRead, ReopeningCreate, ReopeningRead, YearHistory
from shared import files
from shared.contracts.funds import YearReopening
from shared.errors import Conflict, Fault, Forbidden, Invalid
from shared.ids import new_id
from shared.permissions import May
from shared.work import Work


async def ask(work: Work, year: int, body: ReopeningCreate) -> Reopening:
    """Ask for a year to be reopened. Conflict when it is not closed, or a later one is.

    Invalid for a decision in the future.
    """
    work.actor.require(May.YEAR_CLOSE, body.region)
    if body.decision_on > work.today:
        detail = "文件日期不能晚于今天"
        raise Invalid(
            detail,
            "decision_on lies in the future",
            faults=[Fault("in_the_future", detail, "", "/decision_on")],
        )
    standing = [one for one in await repository.closings(work, body.region) if one.reopened_at is None]
    if later := [one.year for one in standing if one.year > year]:
        raise Conflict(f"{max(later)} 年也已结账, 须先重开 {max(later)} 年", f"{max(later)} is closed too")
    closing = next((one for one in standing if one.year == year), None)
    if closing is None:
        raise Conflict(f"{year} 年没有结账, 不需要重开", f"{year} is not closed")
    if asked := await repository.reopenings(work, [closing.id]):
        raise Conflict(f"已申请重开, 编号 {asked[0].id}, 等待另一人确认", "Asked for already")
    if body.decision_file:
        await files.require(work, [str(body.decision_file)], "/decision_file")
    row = Reopening(
        id=new_id(),
        region=body.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        closing_id=closing.id,
        year=year,
        decision_no=body.decision_no,
        decision_on=body.decision_on,
        decision_file=str(body.decision_file or ""),
        reason=body.reason,
    )
    work.session.add(row)
    await work.session.flush()
    await work.tell(_told(row, "asked"), row, reason=row.reason)
    return row


def _told(row: Reopening, state: str) -> YearReopening:
    return YearReopening(
        reopening_id=row.id,
        closing_id=row.closing_id,
        year=row.year,
        decision_no=row.decision_no,
        state=state,
    )


async def confirm(work: Work, reopening_id: UUID) -> Reopening:
    """Reopen the year, by another person than who asked. The closing and what it kept stay in the history."""
    row = await repository.reopening(work, reopening_id)
    work.actor.require(May.YEAR_CLOSE, row.region)
    if row.confirmed_by:
        raise Conflict(f"{row.year} 年已重开", f"{row.year} was reopened already")
    if row.created_by == work.actor.id:
        raise Forbidden("不能确认本人提出的重开申请, 须由另一人办理", "Four eyes: another person must")
    await repository.lock_accounts(work, row.region)
    (closing,) = [
        one for one in await repository.closings(work, row.region, row.year) if one.id == row.closing_id
    ]
    closing.reopened_at = work.at
    closing.version += 1
    closing.updated_at = row.updated_at = row.confirmed_at = work.at
    row.confirmed_by = work.actor.id
    row.version += 1
    work.session.add_all([closing, row])
    await work.session.flush()
    await repository.mark_open(work, row.region, row.year)
    await work.tell(_told(row, "confirmed"), row, reason=row.reason)
    return row


async def history(work: Work, region: str, year: int) -> YearHistory:
    """Every closing of a year and every reopening, in their order."""
    work.actor.require(May.FUND_READ, region)
    closings = await repository.closings(work, region, year)
    asked = await repository.reopenings(work, [one.id for one in closings])
    return YearHistory(
        region=region,
        year=year,
        closings=[ClosingRead.model_validate(one) for one in closings],
        reopenings=[ReopeningRead.model_validate(one) for one in asked],
    )
