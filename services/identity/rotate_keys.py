"""`python -m services.identity.rotate_keys`: sign with a new key from now on; nobody has to sign in again."""

import asyncio
import sys

from services.identity.keys import service
from services.identity.main import create_app
from shared.work import Context


async def rotate(context: Context) -> str:
    """Make the new key; its id."""
    async with context.database.write() as session:
        made = await service.rotate(context.work(session))
    return made.kid


async def main() -> str:
    """The command: settings from the environment, like the service itself."""
    context: Context = create_app().state.context
    try:
        return await rotate(context)
    finally:
        await context.database.close()


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(main()) + "\n")
