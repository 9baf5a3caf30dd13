"""`python -m services.identity.load_regions FILE`: import a district's region file.

Writes to the database of IDENTITY_DATABASE_URL, or to identity.db in XIANJIE_VAR (default `var`); needs no secrets.
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
    """Import the file into the service's database; returns the counts as a Chinese sentence."""
    async with context.database.write() as session:
        result = await service.import_bundled(context.unit_of_work(session), content)
    return f"新增 {result.added}, 修改 {result.changed}, 未变 {result.unchanged}"


async def load_into_database(content: bytes) -> str:
    """Import the file into the database named by the environment.

    Regions contain no encrypted fields, so random keys replace the real secrets.
    """
    settings = Settings.load(
        "identity", embedded=True, data_keys={"0": generate_key()}, index_key=generate_key()
    )
    context: ServiceContext = create_app(settings).state.context
    try:
        return await load_content(context, content)
    finally:
        await context.database.close()


def main(arguments: list[str]) -> int:
    """Run the import for the file named on the command line; returns the exit code."""
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
