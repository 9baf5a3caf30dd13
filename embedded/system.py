"""Every service of this code base in one process, reaching one another without a socket."""

import gc
import importlib
import pkgutil
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI

import services
from shared import clock
from shared.settings import Settings

FIRST_SERVICE = "identity"
"""The others verify tokens by its keys, so it starts before them."""


def list_services() -> list[str]:
    """Every folder in services/ with a main.py, identity first."""
    folder = Path(services.__path__[0])
    found = [
        one.name for one in pkgutil.iter_modules([str(folder)]) if (folder / one.name / "main.py").exists()
    ]
    return sorted(found, key=lambda name: (name != FIRST_SERVICE, name))


@contextmanager
def _exempt_from_garbage_collection() -> Iterator[None]:
    # Routes and schemas live as long as the process: looking for garbage among them is a quarter of a start.
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class System:
    """The apps of all services, each with the settings it is given."""

    def __init__(
        self, settings_of: Callable[[str], Settings], *, now: Callable[[], datetime] = clock.now
    ) -> None:
        self.apps: dict[str, FastAPI] = {}
        with _exempt_from_garbage_collection():
            for name in list_services():
                main = importlib.import_module(f"services.{name}.main")
                self.apps[name] = main.create_app(settings_of(name), apps=self.apps, now=now)

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator["System"]:
        """Every service started; all of them ended when the block ends."""
        async with AsyncExitStack() as stack:
            for app in self.apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield self
