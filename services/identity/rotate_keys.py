"""`python -m services.identity.rotate_keys`: sign with a new key from now on; nobody has to sign in again."""

import asyncio
import sys

from services.identity.keys import service
from services.identity.main import create_app
from shared.unit_of_work import ServiceContext


async def rotate_signing_key(context: ServiceContext) -> str:
    """Make the new key; its id."""
    async with context.database.write() as session:
        made = await service.rotate_key(context.unit_of_work(session))
    return made.kid


async def main() -> str:
    """The command: settings from the environment, like the service itself."""
    context: ServiceContext = create_app().state.context
    try:
        return await rotate_signing_key(context)
    finally:
        await context.database.close()


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(main()) + "\n")
