"""监督台账: the columns and formulas of the finance system's supervision, from our books."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.funds.checking.finding import percent
from services.funds.oversight import repository
from services.funds.oversight.schemas import Rank, RankRow, Supervision, SupervisionRow
from services.funds.sources.kinds import Fund
from shared.work import Work

Flows = Sequence[Any]


async def supervision(work: Work, region: str, year: int, by: str) -> Supervision:
    """One row per fund or town, and their total."""
    flows = await repository.flows(work, region, year, by)
    keys = sorted({str(row.key) for row in flows})
    rows = [_row(key, _label(key, by), [one for one in flows if one.key == key]) for key in keys]
    return Supervision.model_construct(region=region, year=year, rows=rows, total=_row("", "合计", flows))


def _label(key: str, by: str) -> str:
    return Fund(key).label if by == "fund" else key.ljust(12, "0")


def _row(key: str, label: str, flows: Flows) -> SupervisionRow:
    ranks = [ranked(rank, flows) for rank in Rank]
    province = ranks[0]
    paid = _total(flows, "paid")
    # A town has no document of its own: what reached it is what was given to it.
    received = _total(flows, "received") or _total(flows, "allocated")
    return SupervisionRow.model_construct(
        key=key,
        label=label,
        amountZyxd=_total(flows, "central"),
        amountSnjbjfp=province.own,
        amountSnjxjfp=province.below,
        amountSnjpay=province.paid,
        received=received,
        paid=paid,
        spending=percent(paid, received),
        ranks=[one for one in ranks if one.given or one.paid],
    )


def ranked(rank: Rank, flows: Flows) -> RankRow:
    """What reached a rank, what it kept, gave below and spent; 分配进度 is zero where nothing reached it."""
    mine = [one for one in flows if one.rank == rank]
    own = _total((one for one in mine if one.source_rank == rank), "allocated")
    from_above = _total((one for one in mine if one.source_rank != rank), "allocated")
    below = _total((one for one in flows if one.source_rank == rank != one.rank), "allocated")
    given = _total(mine, "received") + from_above
    kept = own + from_above
    return RankRow.model_construct(
        rank=rank,
        label=rank.label,
        given=given,
        own=kept,
        below=below,
        unallocated=given - kept - below,
        paid=_total(mine, "paid"),
        progress=percent(kept + below, given),
    )


def _total(flows: Iterable[Any], name: str) -> int:
    return sum(int(getattr(one, name)) for one in flows)
