"""Demo accounts are for trying the system out, and no other installation starts with them."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from services.identity.accounts.models import Account
from services.identity.demo import DemoAccount
from services.identity.main import create_app
from shared.db import run
from shared.migrate import upgrade
from shared.settings import Settings
from tests.conftest import Clock, Templates

pytestmark = pytest.mark.usefixtures("_built")
SECRETS = {"service_key": "k" * 40, "index_key": "i" * 44, "data_keys": {"1": "a" * 43 + "="}}


def _deployed(tmp_path: Path, url: str, **more: Any) -> Settings:
    return Settings.of("identity", var=tmp_path, database_url=url, relay=False, **{**SECRETS, **more})


async def _started(settings: Settings, clock: Clock) -> set[str]:
    app = create_app(settings, now=clock.now)
    async with app.router.lifespan_context(app), app.state.context.database.read() as session:
        return {
            row.id for row in await run(session, sa.select(sa.column("id")).select_from(sa.table("account")))
        }


async def test_a_deployment_starts_without_any_account(
    tmp_path: Path, templates: Templates, clock: Clock
) -> None:
    url = templates.empty()
    upgrade("identity", url)

    assert await _started(_deployed(tmp_path, url), clock) == set()


async def test_a_deployment_refuses_to_start_on_demo_accounts(
    tmp_path: Path, templates: Templates, clock: Clock
) -> None:
    """The signing key of the copy is sealed with other keys, so it is given a new one first."""
    url = templates.clone("identity")
    settings = _deployed(tmp_path, url)
    app = create_app(settings, now=clock.now)
    async with app.state.context.database.write() as session:
        await run(session, sa.delete(sa.table("signing_key")))
    await app.state.context.database.close()

    with pytest.raises(DemoAccount, match="village_clerk 仍在使用公开口令"):
        await _started(settings, clock)


@pytest.mark.parametrize("harmless", ["disabled", "another password"])
async def test_a_deployment_starts_once_they_are_harmless(
    tmp_path: Path, templates: Templates, clock: Clock, harmless: str
) -> None:
    url = templates.clone("identity")
    settings = _deployed(tmp_path, url)
    app = create_app(settings, now=clock.now)
    values = {"disabled": True} if harmless == "disabled" else {"secret": ""}
    async with app.state.context.database.write() as session:
        await run(session, sa.delete(sa.table("signing_key")))
        await run(session, sa.update(Account).values(**values))
    await app.state.context.database.close()

    assert "finance" in await _started(settings, clock)


@pytest.mark.parametrize(
    "bad",
    [{"service_key": "changeme"}, {"index_key": ""}, {"data_keys": {}}, {"service_key": "Xianjie-2022"}],
)
def test_a_deployment_refuses_known_and_missing_secrets(tmp_path: Path, bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="必须设置"):
        _deployed(tmp_path, "sqlite://", **bad)
