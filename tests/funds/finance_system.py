"""A finance bureau's own system that behaves badly: it repeats itself, mixes the order up, errs and is away for days."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.funds.desk import Desk, ok
from tests.receiver import Letter, Stranger

TRANSFER = "10000015Z155110000004"


def document(number: str, amount: str, **given: Any) -> dict[str, Any]:
    """A row of BA_BGT_INFO."""
    return {
        "BGT_ID": f"BGT-{number}",
        "MOF_DIV_CODE": "620602000",
        "FISCAL_YEAR": "2024",
        "COR_BGT_DOC_NO": f"凉财农〔2024〕{number}号",
        "SUP_BGT_DOC_NO": f"甘财农〔2024〕{number}号",
        "BGT_DOC_TITLE": "关于下达2024年中央财政衔接推进乡村振兴补助资金的通知",
        "DOC_DATE": "20240506",
        "BUDGET_LEVEL_CODE": "1",
        "TRACK_PRO_CODE": TRANSFER,
        "TASK_NO": "01",
        "EXP_FUNC_CODE": "2130505",
        "AMOUNT": amount,
        "CREATE_TIME": "2024-05-08 09:30:00",
        "IS_DELETED": "0",
        **given,
    }


def adjustment(number: str, amount: str, **given: Any) -> dict[str, Any]:
    """A row of BA_BGT_ADJSUB."""
    row = {
        "ADJ_SUB_ID": f"ADJ-{number}",
        "BAT_NUM": f"批次{number}",
        "ADJ_DATE": "20240516",
        "ADD_AMOUNT": amount,
    }
    return {**row, **given}


def pay_back(number: str, payment: str, amount: str, **given: Any) -> dict[str, Any]:
    """A row of PAY_BACK_INFO."""
    row = {"PAY_BACK_ID": f"TK-{number}", "PAY_APP_ID": payment, "PAY_CERT_ID": "TK1", "BACK_AMT": amount}
    return {**row, "BACK_DATE": "20240520", "BACK_REASON": "户名不符", **given}


@dataclass
class FinanceSystem:
    """Its machine client, what it paid and what it wrote in its statement."""

    client: httpx.AsyncClient
    stranger: Stranger
    dice: Random = field(default_factory=lambda: Random(5))
    heard: dict[str, dict[str, Any]] = field(default_factory=dict)
    paid: dict[str, dict[str, str]] = field(default_factory=dict)

    def listen(self, letter: Letter) -> int:
        """Its webhook: each event once, whatever comes."""
        self.heard.setdefault(letter.headers["webhook-id"], letter.event)
        return 200

    async def send(self, kind: str, *rows: dict[str, Any]) -> Any:
        """A batch in JSON."""
        return ok(await self.client.post(f"/funds/exchange/{kind}", json={"rows": rows}))

    async def fetch(self) -> list[dict[str, str]]:
        """What waits to be paid, accounts in clear, page by page."""
        rows: list[dict[str, str]] = []
        cursor = ""
        while True:
            params: dict[str, str | int] = {"limit": 2, "cursor": cursor}
            page = ok(await self.client.get("/funds/exchange/pay-vouchers/payable", params=params))
            rows += page["items"]
            if not (cursor := page["next_cursor"] or ""):
                return rows

    async def pay(self, day: str = "20240520") -> list[dict[str, str]]:
        """Pay everything that waits; the results are not told yet."""
        for row in await self.fetch():
            number = f"PZ{len(self.paid) + 1:04d}"
            self.paid.setdefault(
                row["PAY_APP_ID"],
                {
                    "PAY_APP_ID": row["PAY_APP_ID"],
                    "PAY_CERT_ID": number,
                    "XPAY_AMT": row["PAY_APP_AMT"],
                    "CREATE_DATE": day,
                    "PAYEE_ACCT_NAME": row["PAYEE_ACCT_NAME"],
                    "PAYEE_ACCT_NO": row["PAYEE_ACCT_NO"],
                    "USE_DES": row["USE_DES"],
                },
            )
        return list(self.paid.values())

    def mess(self, rows: list[dict[str, str]]) -> list[dict[str, str]]:
        """The same rows twice, in another order."""
        mixed = [*rows, *rows]
        self.dice.shuffle(mixed)
        return mixed

    def statement(self) -> list[dict[str, str]]:
        """Its own account of the month."""
        return [
            {
                "voucher_no": row["PAY_CERT_ID"],
                "amount": row["XPAY_AMT"],
                "happened_on": f"{row['CREATE_DATE'][:4]}-{row['CREATE_DATE'][4:6]}-{row['CREATE_DATE'][6:]}",
                "payee": row["PAYEE_ACCT_NAME"],
            }
            for row in self.paid.values()
        ]


async def approved(desk: Desk, allocation: str, amount: int, **given: Any) -> str:
    """A payment that waits for finance's system."""
    payment = await desk.draft_payment(allocation, amount, **given)
    ok(await desk.pay_step(desk.town, payment["id"], "submit"))
    ok(await desk.pay_step(desk.reviewer, payment["id"], "review"))
    ok(await desk.pay_step(desk.finance, payment["id"], "approve"))
    return str(payment["id"])


async def state(desk: Desk, payment: str) -> str:
    return str(ok(await desk.auditor.get(f"/funds/payments/{payment}"))["state"])
