"""流向和流量: payments to the wrong party or purpose, ahead of the works, or cut into pieces."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from services.funds.checking.finding import percent
from services.funds.watching import repository
from services.funds.watching.hits import row_of
from shared.alerts.hits import MOST_ROWS, Hit, Look
from shared.alerts.kinds import Light
from shared.errors import NotFound
from shared.money import fen, yuan

Rows = Sequence[sa.Row[Any]]


def _behind(rows: Iterable[sa.Row[Any]]) -> list[dict[str, str]]:
    shown = [row._asdict() for row in list(rows)[:MOST_ROWS]]
    return [row_of({name: value for name, value in one.items() if name != "screening"}) for one in shown]


def _payment(row: sa.Row[Any], message: str, light: Light, **figures: str) -> Hit:
    return Hit(
        "payment",
        str(row.id),
        row.region,
        f"{row.payee_name} {yuan(row.amount)} 元",
        message,
        light,
        figures,
        _behind([row]),
    )


async def ahead(look: Look) -> list[Hit]:
    """A project paid further than it is built."""
    margin, advance = int(look.rule.value["margin"]), int(look.rule.value["advance"])
    hits = []
    for row in look.every(await repository.system_ahead(look.work, margin, advance)):
        share, done = percent(row.paid, row.allocated), row.physical_percent or 0
        far = row.paid * 100 > row.allocated * (done + int(look.rule.value["red_over"]))
        hits.append(
            Hit(
                "project",
                str(row.id),
                row.region,
                row.name,
                f"已支付 {share}%, 形象进度 {done}%",
                Light.RED if far else Light.ORANGE,
                {
                    "已支付": yuan(row.paid),
                    "已下达": yuan(row.allocated),
                    "支付%": share,
                    "形象进度%": str(done),
                },
                _behind([row]),
            )
        )
    return hits


async def evidence(look: Look) -> list[Hit]:
    """Paid though nobody had reported from the site for long, or ever."""
    days = int(look.rule.value["days"])
    hits = []
    for row in look.every(await repository.system_unseen(look.work, look.since())):
        if row.reported_on is None:
            hits.append(_payment(row, "支付前没有任何现场进度佐证", Light.ORANGE, 最近佐证="无"))
        elif (row.paid_on - row.reported_on).days > days:
            gap = (row.paid_on - row.reported_on).days
            message = f"支付时最近一次现场佐证在 {row.reported_on}, 已过 {gap} 天"
            hits.append(
                _payment(row, message, Light.YELLOW, 最近佐证=str(row.reported_on), 间隔天数=str(gap))
            )
    return hits


def windows(rows: Rows, days: int, threshold: int) -> Rows:
    """The first run of payments within so many days that together reach the threshold; empty when there is none."""
    start, total = 0, 0
    for end, row in enumerate(rows):
        total += row.amount
        while row.applied_on - rows[start].applied_on > timedelta(days=days):
            total -= rows[start].amount
            start += 1
        if total >= threshold and end > start:
            return rows[start : end + 1]
    return ()


async def split(look: Look) -> list[Hit]:
    """Several small payments of one project to one payee where one large would have needed a contract."""
    threshold, days = fen(look.rule.value["threshold"]), int(look.rule.value["days"])
    rows = look.every(await repository.system_small(look.work, look.since(), threshold))
    hits = []
    for (project, payee), group in groupby(rows, key=lambda row: (row.project_id, row.payee_key)):
        found = windows(list(group), days, threshold)
        if found:
            total = sum(row.amount for row in found)
            message = f"{days} 天内 {len(found)} 笔, 合计 {yuan(total)} 元, 每笔都低于 {yuan(threshold)} 元且没有合同"
            figures = {"笔数": str(len(found)), "合计": yuan(total), "起点": yuan(threshold)}
            hits.append(
                Hit("project", str(project), found[0].region, found[0].payee_name, message, Light.ORANGE,
                    figures, _behind(found), mark=payee)
            )  # fmt: skip
    return hits


async def same_day(look: Look) -> list[Hit]:
    """One payee, one day, several payments."""
    rows = look.every(await repository.system_same_day(look.work, look.since()))
    hits = []
    for (payee, day), group in groupby(rows, key=lambda row: (row.payee_key, row.paid_on)):
        found = list(group)
        total = sum(row.amount for row in found)
        equal = len({row.amount for row in found}) < len(found)
        message = f"{day} 向同一收款人支付 {len(found)} 笔, 合计 {yuan(total)} 元" + (
            ", 有同额支付" if equal else ""
        )
        figures = {"笔数": str(len(found)), "合计": yuan(total)}
        light = Light.ORANGE if equal else Light.YELLOW
        hits.append(
            Hit("payee", str(payee)[:64], found[0].region, found[0].payee_name, message, light, figures,
                _behind(found), mark=str(day))
        )  # fmt: skip
    return hits


async def payee(look: Look) -> list[Hit]:
    """Paid to somebody other than the contract's party."""
    return [
        _payment(
            row,
            f"收款人 {row.payee_name} 不是合同 {row.number} 的乙方 {row.party}",
            Light.RED,
            收款人=row.payee_name,
            合同乙方=row.party,
        )
        for row in look.every(await repository.system_other_payee(look.work, look.since()))
    ]


async def purpose(look: Look) -> list[Hit]:
    """A purpose that the rule of the payment's own day forbids."""
    words: set[str] = set()
    for on in (look.on, look.since()):
        words |= set(await _forbidden(look, on))
    hits = []
    for row in look.every(await repository.system_purposes(look.work, look.since(), sorted(words))):
        on = row.paid_on or row.applied_on
        then = await _forbidden(look, on)
        found = [word for word in then if word in row.purpose]
        if found and not any(word in row.purpose for word in then[found[0]]):
            message = f"用途“{row.purpose}”含有禁止内容: {'、'.join(found)}"
            hits.append(_payment(row, message, Light.RED, 命中="、".join(found)))
    return hits


async def held(look: Look) -> list[Hit]:
    """Submitted for a purpose the library's screening forbids, and no reviewer has let it pass."""
    hits = []
    for row in look.every(await repository.system_held(look.work)):
        found = [one["explanation"] for one in row.screening["findings"] if one["severity"] == "block"]
        message = f"用途“{row.purpose}”筛查发现禁止内容, 尚未放行: {'; '.join(found)}"
        hits.append(_payment(row, message, Light.RED, 用途=row.purpose))
    return hits


async def _forbidden(look: Look, on: date) -> dict[str, list[str]]:
    """Forbidden word → the words that excuse it, on a day; none where no rule was in force."""
    try:
        value = (await look.work.rule("payment.purpose", on=on)).value
    except NotFound:
        return {}
    return dict.fromkeys(value["words"], value["but"])


async def subject(look: Look) -> list[Hit]:
    """Booked under a subject this money must not be spent under."""
    prefixes = look.rule.value["prefixes"]
    return [
        _payment(row, f"使用了禁止科目 {row.economic_subject}", Light.RED, 经济科目=row.economic_subject)
        for row in look.every(await repository.system_subjects(look.work, look.since(), prefixes))
    ]
