"""A deployment does not start with usable demo accounts or publicly known secrets."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from embedded.run_secrets import create_service_keys
from services.identity.accounts.models import Account
from services.identity.demo_accounts import DemoAccountActive
from services.identity.main import create_app
from shared.db import execute_core
from shared.db.migrate import upgrade_database
from shared.settings import Settings
from tests.conftest import Clock, DatabaseTemplates

pytestmark = pytest.mark.usefixtures("_built")
SETTING_SECRETS = {
    "index_key": "i" * 44,
    "data_keys": {"1": "a" * 43 + "="},
    **create_service_keys(["identity"])["identity"],
}


def _build_settings(tmp_path: Path, url: str, **more: Any) -> Settings:
    return Settings.load(
        "identity", var=tmp_path, database_url=url, relay=False, **{**SETTING_SECRETS, **more}
    )


async def _start_and_list_accounts(settings: Settings, clock: Clock) -> set[str]:
    app = create_app(settings, now=clock.now)
    async with app.router.lifespan_context(app), app.state.context.database.read() as session:
        return {
            row.id
            for row in await execute_core(
                session, sa.select(sa.column("id")).select_from(sa.table("account"))
            )
        }


async def test_a_deployment_starts_without_any_account(
    tmp_path: Path, templates: DatabaseTemplates, clock: Clock
) -> None:
    url = templates.create_empty()
    upgrade_database("identity", url)

    assert await _start_and_list_accounts(_build_settings(tmp_path, url), clock) == set()


async def test_a_deployment_refuses_to_start_on_demo_accounts(
    tmp_path: Path, templates: DatabaseTemplates, clock: Clock
) -> None:
    """The signing key of the copied database is encrypted with other keys, so it is deleted first."""
    url = templates.clone_template("identity")
    settings = _build_settings(tmp_path, url)
    app = create_app(settings, now=clock.now)
    async with app.state.context.database.write() as session:
        await execute_core(session, sa.delete(sa.table("signing_key")))
    await app.state.context.database.close()

    with pytest.raises(DemoAccountActive, match="admin 仍在使用公开口令"):
        await _start_and_list_accounts(settings, clock)


@pytest.mark.parametrize("harmless", ["disabled", "another password"])
async def test_a_deployment_starts_once_they_are_harmless(
    tmp_path: Path, templates: DatabaseTemplates, clock: Clock, harmless: str
) -> None:
    url = templates.clone_template("identity")
    settings = _build_settings(tmp_path, url)
    app = create_app(settings, now=clock.now)
    values = {"disabled": True} if harmless == "disabled" else {"secret": ""}
    async with app.state.context.database.write() as session:
        await execute_core(session, sa.delete(sa.table("signing_key")))
        await execute_core(session, sa.update(Account).values(**values))
    await app.state.context.database.close()

    assert "finance" in await _start_and_list_accounts(settings, clock)


@pytest.mark.parametrize(
    "bad",
    [
        {"service_key": "changeme"},
        {"index_key": ""},
        {"data_keys": {}},
        {"service_public_keys": {}},
        {"service_key": "Xianjie-2022"},
    ],
)
def test_a_deployment_refuses_known_and_missing_secrets(tmp_path: Path, bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="必须设置"):
        _build_settings(tmp_path, "sqlite://", **bad)
