"""No request of the demonstration sends more SQL statements than its route's budget."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from embedded.run_environment import build_settings
from embedded.system import System
from operations.demo.__main__ import STEPS
from operations.demo.runner import DemoRun
from operations.demo.users import DemoUser
from shared.app import configure_logging
from shared.app.serve import migrate_database
from shared.settings import Settings
from tests.conftest import SQLITE, UNLIMITED_RATES, DatabaseTemplates
from tests.statement_ledger import StatementLedger, StatementLedgerMiddleware

ADMIN, PASSWORD = "admin", "Xianjie-2022"


@pytest.fixture
async def counted(
    tmp_path: Path, templates: DatabaseTemplates, statement_ledger: StatementLedger
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the whole system in this process, with its deliveries running."""
    configure_logging("CRITICAL")
    (tmp_path / "var").mkdir()
    settings = build_settings(tmp_path / "var", 8000)
    for name, own in settings.items():
        url = own.resolved_database_url if SQLITE else templates.create_empty()
        settings[name] = own.model_copy(update={"database_url": url, "rates": UNLIMITED_RATES})
        migrate_database(settings[name])
    system = System(settings.__getitem__)
    for name, app in system.apps.items():
        app.add_middleware(StatementLedgerMiddleware, service=name, ledger=statement_ledger)
    statement_ledger.clear()
    async with system.lifespan():
        transport = httpx.ASGITransport(system.apps["gateway"])
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60) as client:
            yield client
    if not SQLITE:
        for own in settings.values():
            if isinstance(own, Settings) and own.database_url:
                templates.release_copy(own.database_url)


@pytest.mark.timeout(600)  # tells the whole story, on whatever machine
async def test_no_request_of_the_demonstration_exceeds_its_budget(
    counted: httpx.AsyncClient, statement_ledger: StatementLedger
) -> None:
    demo = DemoRun(counted, DemoUser(counted, ADMIN, PASSWORD))
    for step in STEPS:
        await step.run(demo)
    statement_ledger.dump()

    assert statement_ledger.most
    assert not statement_ledger.excesses, "\n".join(statement_ledger.excesses)
