"""`python -m embedded.generate [--check]`: write what follows from the services: tables in shared, compose, the door.

shared/auth/permission_table.py  shared/clients/service_names.py  shared/events/subscriptions.py
deploy/docker-compose.yml  deploy/Caddyfile  deploy/Caddyfile.tls
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from embedded.compose import write_compose_file
from embedded.declarations import ROOT, build_tables

DEPLOY = ROOT / "deploy"


def main(arguments: list[str] | None = None) -> int:
    """Write all files; with --check, list the stale ones and return 1 when there are any."""
    parser = argparse.ArgumentParser(
        prog="embedded.generate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    check = parser.parse_args(arguments).check
    stale = list_stale(build_tables())
    if not check:
        write_files(stale)
    stale |= list_stale(build_deploy_files())
    if not check:
        write_files(stale)
    for path in stale:
        (sys.stderr if check else sys.stdout).write(f"{path.relative_to(ROOT)}\n")
    return 1 if check and stale else 0


def build_deploy_files() -> dict[Path, str]:
    """Build the files of deploy/: path → text. The services are imported only here, after their permissions are written."""
    from embedded.door import compose_plan, write_caddyfile

    return {
        DEPLOY / "docker-compose.yml": write_compose_file(),
        DEPLOY / "Caddyfile": write_caddyfile(compose_plan()),
        DEPLOY / "Caddyfile.tls": write_caddyfile(compose_plan(tls=True)),
    }


def list_stale(files: Mapping[Path, str]) -> dict[Path, str]:
    """Those files that are missing or say something else."""
    return {
        path: text
        for path, text in files.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def write_files(files: Mapping[Path, str]) -> None:
    """Write them."""
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
