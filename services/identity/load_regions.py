"""`python -m services.identity.load_regions FILE`: bring a district's region file in.

Into the database of IDENTITY_DATABASE_URL, or var/identity.db (XIANJIE_VAR) of the run in one process; no secret is needed.
"""

import asyncio
import sys
from pathlib import Path

from services.identity.main import create_app
from services.identity.regions import service
from shared.auth import generate_key
from shared.errors import Invalid
from shared.settings import Settings
from shared.unit_of_work import ServiceContext


async def load_content(context: ServiceContext, content: bytes) -> str:
    """Load the file into the identity database; what happened, in words."""
    async with context.database.write() as session:
        done = await service.import_bundled(context.unit_of_work(session), content)
    return f"新增 {done.added}, 修改 {done.changed}, 未变 {done.unchanged}"


async def load_into_database(content: bytes) -> str:
    """The same for the database the environment names; regions hold no secrets, so the keys here are made up."""
    settings = Settings.load(
        "identity", embedded=True, data_keys={"0": generate_key()}, index_key=generate_key()
    )
    context: ServiceContext = create_app(settings).state.context
    try:
        return await load_content(context, content)
    finally:
        await context.database.close()


def main(arguments: list[str]) -> int:
    """The command line."""
    if len(arguments) != 1:
        sys.stderr.write("用法: python -m services.identity.load_regions 文件.csv\n")
        return 2
    try:
        sys.stdout.write(asyncio.run(load_into_database(Path(arguments[0]).read_bytes())) + "\n")
    except (Invalid, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
