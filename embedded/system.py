"""All services in one process; they call each other in memory, without sockets."""

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
"""Starts before the others, which verify tokens with its keys."""


def list_services(folder: Path | None = None) -> list[str]:
    """List the packages in services/ that have a main.py; identity first, then by name."""
    folder = folder or Path(services.__path__[0])
    names = [
        module.name
        for module in pkgutil.iter_modules([str(folder)])
        if (folder / module.name / "main.py").exists()
    ]
    return sorted(names, key=lambda name: (name != FIRST_SERVICE, name))


@contextmanager
def _exempt_from_garbage_collection() -> Iterator[None]:
    # Routes and schemas live as long as the process; collecting garbage among them takes a quarter of the start.
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class System:
    """The apps of all services by name; `settings_of` gives the settings of each."""

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
        """Start all services, and stop them when the block ends."""
        async with AsyncExitStack() as stack:
            for app in self.apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield self
