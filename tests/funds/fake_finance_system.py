"""Fake budget system of the finance bureau that misbehaves: repeats rows, changes their order, errs and is offline for days."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.funds.factories_funds import FundsScenario, expect_ok
from tests.webhook_receiver import ReceivedRequest, WebhookReceiver

TRANSFER_CODE = "10000015Z155110000004"


def build_document_row(number: str, amount: str, **overrides: Any) -> dict[str, Any]:
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
        "TRACK_PRO_CODE": TRANSFER_CODE,
        "TASK_NO": "01",
        "EXP_FUNC_CODE": "2130505",
        "AMOUNT": amount,
        "CREATE_TIME": "2024-05-08 09:30:00",
        "IS_DELETED": "0",
        **overrides,
    }


def build_adjustment_row(number: str, amount: str, **overrides: Any) -> dict[str, Any]:
    """A row of BA_BGT_ADJSUB."""
    row = {
        "ADJ_SUB_ID": f"ADJ-{number}",
        "BAT_NUM": f"批次{number}",
        "ADJ_DATE": "20240516",
        "ADD_AMOUNT": amount,
    }
    return {**row, **overrides}


def build_refund_row(number: str, payment: str, amount: str, **overrides: Any) -> dict[str, Any]:
    """A row of PAY_BACK_INFO."""
    row = {"PAY_BACK_ID": f"TK-{number}", "PAY_APP_ID": payment, "PAY_CERT_ID": "TK1", "BACK_AMT": amount}
    return {**row, "BACK_DATE": "20240520", "BACK_REASON": "户名不符", **overrides}


@dataclass
class FakeFinanceSystem:
    """Machine client, received events, and payments as rows and statement."""

    client: httpx.AsyncClient
    receiver: WebhookReceiver
    random: Random = field(default_factory=lambda: Random(5))
    received_events: dict[str, dict[str, Any]] = field(default_factory=dict)
    paid_rows: dict[str, dict[str, str]] = field(default_factory=dict)

    def receive_event(self, request: ReceivedRequest) -> int:
        """Webhook receiver: stores each event once."""
        self.received_events.setdefault(request.headers["webhook-id"], request.event)
        return 200

    async def send_rows(self, kind: str, *rows: dict[str, Any]) -> Any:
        """Send a batch as JSON."""
        return expect_ok(await self.client.post(f"/funds/exchange/{kind}", json={"rows": rows}))

    async def fetch_payable(self) -> list[dict[str, str]]:
        """Fetch all payments waiting to be paid, page by page, with accounts in clear."""
        rows: list[dict[str, str]] = []
        cursor = ""
        while True:
            params: dict[str, str | int] = {"limit": 2, "cursor": cursor}
            page = expect_ok(await self.client.get("/funds/exchange/pay-vouchers/payable", params=params))
            rows += page["items"]
            if not (cursor := page["next_cursor"] or ""):
                return rows

    async def pay_payable(self, day: str = "20240520") -> list[dict[str, str]]:
        """Pay all waiting payments; the results are not sent yet."""
        for row in await self.fetch_payable():
            number = f"PZ{len(self.paid_rows) + 1:04d}"
            self.paid_rows.setdefault(
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
        return list(self.paid_rows.values())

    def shuffle_duplicates(self, rows: list[dict[str, str]]) -> list[dict[str, str]]:
        """Each row twice, in random order."""
        mixed = [*rows, *rows]
        self.random.shuffle(mixed)
        return mixed

    def build_statement(self) -> list[dict[str, str]]:
        """Statement lines of all paid rows."""
        return [
            {
                "voucher_no": row["PAY_CERT_ID"],
                "amount": row["XPAY_AMT"],
                "happened_on": f"{row['CREATE_DATE'][:4]}-{row['CREATE_DATE'][4:6]}-{row['CREATE_DATE'][6:]}",
                "payee": row["PAYEE_ACCT_NAME"],
            }
            for row in self.paid_rows.values()
        ]


async def create_approved_payment(
    scenario: FundsScenario, allocation: str, amount: int, **overrides: Any
) -> str:
    """Create a payment in APPROVED state; return its id."""
    payment = await scenario.create_payment(allocation, amount, **overrides)
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    expect_ok(await scenario.transition_payment(scenario.reviewer, payment["id"], "review"))
    expect_ok(await scenario.transition_payment(scenario.finance, payment["id"], "approve"))
    return str(payment["id"])


async def get_payment_state(scenario: FundsScenario, payment: str) -> str:
    return str(expect_ok(await scenario.auditor.get(f"/funds/payments/{payment}"))["state"])
