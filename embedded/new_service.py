"""`make new-service NAME=x LABEL=…`: create a service with a kind of record, a migration, permissions and a test.

Fills the templates of embedded/templates/service (copier) and writes new files only: services/x/ and tests/x/. The lists of
services elsewhere follow from these files; embedded/generate.py writes them.
"""

import argparse
import keyword
import re
import subprocess
import sys
from pathlib import Path

import copier

from embedded.declarations import ROOT
from embedded.door import load_declared_routes
from shared.settings import StartupError

TEMPLATE = Path(__file__).parent / "templates" / "service"


def create_service(root: Path, name: str, label: str) -> None:
    """Write the service into a tree. Raises StartupError for an unusable name."""
    _check_name(root, name)
    copier.run_copy(
        str(TEMPLATE), root, data={"name": name, "label": label}, defaults=True, quiet=True, overwrite=False
    )


def _check_name(root: Path, name: str) -> None:
    if not re.fullmatch("[a-z]{3,30}", name) or keyword.iskeyword(name):
        raise StartupError("服务名须为 3 到 30 个小写字母")
    declared = load_declared_routes()
    taken = {word for one in declared.values() for path in one.prefixes for word in path.split("/")}
    taken |= set(declared)
    if name in taken or (root / "services" / name).exists() or (root / "tests" / name).exists():
        raise StartupError(f"{name} 已被使用")


def main(arguments: list[str] | None = None) -> int:
    """Create the service, what follows from it, and its first migration; returns the exit code."""
    parser = argparse.ArgumentParser(prog="new_service", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--label", default="", help="Chinese name of the service")
    options = parser.parse_args(arguments)
    try:
        create_service(ROOT, options.name, options.label or options.name)
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for command in (
        ("embedded.generate",),
        ("shared.db.migrate", options.name, "--new", "start"),
        ("docs.generate",),
    ):
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)  # noqa: S603 - our own modules
    sys.stdout.write(f"services/{options.name}, tests/{options.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
