"""Several processes of one service on one database, started in the same moment, as after a new version."""

import asyncio
from pathlib import Path

from fastapi import FastAPI

from embedded.run_secrets import create_service_keys, load_or_create_secrets
from services.funds.main import create_app
from shared.db.migrate import upgrade_database
from tests.conftest import DatabaseTemplates, build_settings


async def _run_lifespan(app: FastAPI) -> None:
    async with app.router.lifespan_context(app):
        pass


async def test_they_start_side_by_side(templates: DatabaseTemplates, tmp_path: Path) -> None:
    url = templates.create_empty()
    upgrade_database("funds", url)
    settings = build_settings(
        "funds", tmp_path, url, load_or_create_secrets(tmp_path) | create_service_keys(["funds"])["funds"]
    )
    await asyncio.gather(*(_run_lifespan(create_app(settings)) for _ in range(3)))
    templates.release_copy(url)
