"""All services in one process, which plays one batch and is killed in its middle."""

import os
import signal
from pathlib import Path
from typing import Any

from embedded.system import System
from services.sync.batches.schemas import SyncBatchCreate
from services.sync.batches.service import take_batch
from services.sync.items.service import Playback
from shared.app import configure_logging
from shared.auth import Actor, Grant, Role
from tests.clients import VILLAGE
from tests.conftest import MORNING, build_settings


async def main(var: Path, urls: dict[str, str], secrets: dict[str, Any], body: Any, survive: int) -> None:
    """Play the batch; the process dies after the commit of an item, before anybody is told."""
    configure_logging("CRITICAL")
    system = System(lambda name: build_settings(name, var, urls[name], secrets[name]), now=lambda: MORNING)
    play = Playback._play_one
    played = 0

    async def play_and_die(self: Playback, item: Any, delegate: Any) -> None:
        nonlocal played
        await play(self, item, delegate)
        played += 1
        if played == survive:
            os.kill(os.getpid(), signal.SIGKILL)

    Playback._play_one = play_and_die  # type: ignore[method-assign]
    actor = Actor("li", "li", (Grant(Role.CADRE, VILLAGE),))
    await take_batch(system.apps["sync"].state.context, actor, SyncBatchCreate.model_validate(body))
