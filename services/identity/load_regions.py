"""`python -m services.identity.load_regions FILE|CODE [--demo]`: import a district's region file.

A six-digit code names a bundled file. With `--demo` the district also gets demo accounts with the published password
(`bureau.632323`), for trying out only: a deployment refuses to start while one is active.
Writes to the database of IDENTITY_DATABASE_URL, or to identity.db in XIANJIE_VAR (default `var`); needs no secrets.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from services.identity.demo_accounts import add_district_accounts, find_region_file
from services.identity.main import create_app
from services.identity.regions import service
from shared.auth import generate_key
from shared.errors import Invalid
from shared.settings import Settings, StartupError
from shared.unit_of_work import ServiceContext


async def load_content(context: ServiceContext, content: bytes, *, demo: bool = False) -> str:
    """Import the file into the service's database; returns the counts as a Chinese sentence."""
    rows = service.decode_rows(content)
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        result = await service.upsert_regions(work, rows)
        accounts = await add_district_accounts(work, rows) if demo else []
    names = f"; 演示账号 {' '.join(accounts)}" if accounts else ""
    return f"新增 {result.added}, 修改 {result.changed}, 未变 {result.unchanged}{names}"


async def load_into_database(content: bytes, *, demo: bool = False) -> str:
    """Import the file into the database named by the environment.

    Regions contain no encrypted fields, so random keys replace the real secrets.
    """
    settings = Settings.load(
        "identity", embedded=True, data_keys={"0": generate_key()}, index_key=generate_key()
    )
    context: ServiceContext = create_app(settings).state.context
    try:
        return await load_content(context, content, demo=demo)
    finally:
        await context.database.close()


def main(arguments: list[str]) -> int:
    """Run the import for the file or code named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="load_regions", description=__doc__)
    parser.add_argument("source", help="region file, or the six-digit code of a bundled one")
    parser.add_argument("--demo", action="store_true", help="also create demo accounts")
    options = parser.parse_args(arguments)
    try:
        path = find_region_file(options.source) if options.source.isdigit() else Path(options.source)
        sys.stdout.write(asyncio.run(load_into_database(path.read_bytes(), demo=options.demo)) + "\n")
    except (Invalid, OSError, StartupError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
