"""`python -m services.identity.rotate_keys`: replace the signing key; tokens signed with the old key stay valid."""

import asyncio
import sys

from services.identity.keys import service
from services.identity.main import create_app
from shared.unit_of_work import ServiceContext


async def rotate_signing_key(context: ServiceContext) -> str:
    """Create a new signing key; returns its key id (kid)."""
    async with context.database.write() as session:
        key = await service.rotate_key(context.unit_of_work(session))
    return key.kid


async def main() -> str:
    """Rotate the key of the database named by the environment."""
    context: ServiceContext = create_app().state.context
    try:
        return await rotate_signing_key(context)
    finally:
        await context.database.close()


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(main()) + "\n")
