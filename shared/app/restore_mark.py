"""Begins a new epoch in a database that was restored from a copy, before its service starts.

    python -m shared.app.restore_mark funds [--url URL]

Readers of the lost log are then told to start again (410) instead of skipping events (shared/events/epoch.py).
"""

import argparse
import asyncio
import sys

from shared import clock
from shared.db import Database
from shared.db.migrate import IncompatibleDatabase, has_database, upgrade_database
from shared.events.epoch import Epoch, EpochReason, begin_epoch
from shared.settings import Settings


async def mark_restored(url: str) -> Epoch:
    """Begin an epoch in a database of the newest revision."""
    database = Database(url)
    try:
        async with database.write() as session:
            return await begin_epoch(session, EpochReason.RESTORED, clock.now())
    finally:
        await database.close()


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("service")
    parser.add_argument("--url", default="", help="the database, when it is not the one of the settings")
    given = parser.parse_args(arguments)
    url = given.url or Settings.load(given.service).resolved_database_url
    if has_database(given.service):
        try:
            upgrade_database(given.service, url)
        except IncompatibleDatabase as error:
            sys.stderr.write(f"{error}\n")
            return 1
    epoch = asyncio.run(mark_restored(url))
    sys.stdout.write(f"{given.service} 从此进入第 {epoch.number} 个纪元 {epoch.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
