"""`python -m services.identity.load_regions FILE`: bring a district's region file in."""

import asyncio
import sys
from pathlib import Path

from services.identity.main import create_app
from services.identity.regions import service
from shared.work import Context


async def load(content: bytes) -> str:
    """Load the file into the identity database; what happened, in words."""
    context: Context = create_app().state.context
    async with context.database.write() as session:
        done = await service.take(context.work(session), content)
    await context.database.close()
    return f"新增 {done.added}, 修改 {done.changed}, 未变 {done.unchanged}"


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(load(Path(sys.argv[1]).read_bytes())) + "\n")
