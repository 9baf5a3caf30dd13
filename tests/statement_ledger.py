"""The SQL statements of every request that a test makes, held to the budget of its route."""

import csv
import json
import os
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.db import StatementCount
from shared.http import Route

READ_BUDGET, WRITE_BUDGET = 2, 5
"""SQL statements of a read and of a write whose route names no budget of its own."""
FIRST_REFUSAL = 400
UNCOUNTED_PATHS = frozenset({
    "/internal/events", "/projects/batch", "/projects/roll-over", "/internal/revocations"
})  # fmt: skip
"""Routes that take many items in one request, or look again until something changes: their statements grow with either."""
EXCESSES_FILE = Path(__file__).parent / "access" / "statement_excesses.csv"


def load_excesses() -> dict[str, int]:
    """Routes that send more than they should, and how many statements they may send until they are mended."""
    with EXCESSES_FILE.open(encoding="utf-8", newline="") as file:
        return {row["route"]: int(row["statements"]) for row in csv.DictReader(file)}


EXCESSES = load_excesses()


class StatementLedger:
    """What was counted since the last `clear`."""

    def __init__(self) -> None:
        self.excesses: list[str] = []
        self.most: dict[str, StatementCount] = {}

    def clear(self) -> None:
        """Forget what was counted."""
        self.excesses.clear()
        self.most.clear()

    def note(self, service: str, method: str, route: APIRoute, counted: StatementCount) -> None:
        """One answered request."""
        name = f"{service} {method} {route.path}"
        if name not in self.most or counted.number > self.most[name].number:
            self.most[name] = counted
        budget = EXCESSES.get(name) or EXCESSES.get(f"* {method} {route.path}") or get_budget(route)
        if counted.number > budget and route.path not in UNCOUNTED_PATHS:
            statements = "\n    ".join(" ".join(text.split())[:160] for text in counted.texts)
            self.excesses.append(f"{name}: {counted.number} statements, budget {budget}\n    {statements}")

    def dump(self) -> None:
        """Append the greatest counts to the file STATEMENTS names, for a table of all routes."""
        if target := os.environ.get("STATEMENTS"):
            rows = [
                json.dumps({"route": name, "number": one.number, "texts": one.texts})
                for name, one in self.most.items()
            ]
            with Path(target).open("a", encoding="utf-8") as file:
                file.writelines(f"{row}\n" for row in rows)


def get_budget(route: APIRoute) -> int:
    """The statements a route may send."""
    own = route.statement_budget if isinstance(route, Route) else None
    return own or (READ_BUDGET if route.methods == {"GET"} else WRITE_BUDGET)


class StatementLedgerMiddleware:
    """ASGI middleware around a service under test: notes the statements of every request that was not refused."""

    def __init__(self, app: ASGIApp, service: str, ledger: StatementLedger) -> None:
        self.app = app
        self.service = service
        self.ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the service and note what it counted."""
        status = FIRST_REFUSAL

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self.app(scope, receive, note_status)
        state: dict[str, Any] = scope.get("state", {})
        route, counted = scope.get("route"), state.get("statements")
        if status < FIRST_REFUSAL and isinstance(route, APIRoute) and counted is not None:
            self.ledger.note(self.service, scope["method"], route, counted)
