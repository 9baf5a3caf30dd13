"""Several processes of one service on one database, started in the same moment, as after a new version."""

import asyncio
from pathlib import Path

from fastapi import FastAPI

from embedded.secrets import kept
from services.funds.main import create_app
from shared.migrate import upgrade
from tests.conftest import Templates, settings_of


async def _starts(app: FastAPI) -> None:
    async with app.router.lifespan_context(app):
        pass


async def test_they_start_side_by_side(templates: Templates, tmp_path: Path) -> None:
    url = templates.empty()
    upgrade("funds", url)
    settings = settings_of("funds", tmp_path, url, kept(tmp_path))
    await asyncio.gather(*(_starts(create_app(settings)) for _ in range(3)))
    templates.drop(url)
