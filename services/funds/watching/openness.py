"""其他: paid or approved without having been made public."""

from datetime import date

from services.funds.watching import repository
from services.funds.watching.hits import row_of
from shared.alerts.hits import Hit, Look
from shared.alerts.kinds import Light
from shared.money import yuan

CHUNK = 500


async def unpublished(look: Look) -> list[Hit]:
    """Money of a plan was paid that is not announced, or was before it was."""
    plans = look.every(await repository.system_paid_plans(look.work))
    announced: dict[str, date] = {}
    for at in range(0, len(plans), CHUNK):
        ids = [row.id for row in plans[at : at + CHUNK]]
        announced |= await repository.system_announced(look.work, ids)
    hits = []
    for row in plans:
        since = announced.get(str(row.id))
        if since is not None and since <= row.first_paid_on:
            continue
        told = "没有资金分配公示" if since is None else f"{since} 才公示"
        hits.append(
            Hit(
                "plan",
                str(row.id),
                row.region,
                row.title,
                f"{told}, 但自 {row.first_paid_on} 起已支付 {row.payments} 笔 {yuan(row.paid)} 元",
                Light.RED,
                {"已支付": yuan(row.paid), "笔数": str(row.payments), "公示": str(since or "无")},
                [row_of(row._asdict())],
            )
        )
    return hits


async def target_late(look: Look) -> list[Hit]:
    """A performance target that should be public by now."""
    return [
        Hit(
            "target",
            str(row.id),
            row.region,
            row.project_name,
            f"绩效目标 {row.approved_on} 批复, 应于 {row.due_on} 前公开",
            Light.YELLOW,
            {"公开期限": str(row.due_on), "逾期天数": str((look.on - row.due_on).days)},
            [row_of(row._asdict())],
        )
        for row in look.every(await repository.system_late_targets(look.work, look.on))
    ]
