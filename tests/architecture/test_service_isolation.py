"""A service stands alone: it loads itself and shared, from this repository."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import shared
from embedded.system import list_services
from tests.architecture.lint_rules import ROOT

IMPORT_PROBE_SCRIPT = """
import importlib, json, os, sys
import alembic, fastapi, httpx, joserfc.jwt, psycopg, sqlmodel.ext.asyncio.session, structlog, uvicorn  # not ours, but slow
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        importlib.import_module(f"services.{name}.main")
        print(json.dumps([name, [m for m in sys.modules if m.split(".")[0] in {"services", "embedded", "tests"}]]))
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0, name
"""
"""Prints what each service has loaded, in a process of its own that begins with packages which are not ours."""


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """The modules of services, of `embedded` and of the tests that each service loads."""
    command = [sys.executable, "-c", IMPORT_PROBE_SCRIPT, *list_services()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(map(json.loads, done.stdout.splitlines()))


@pytest.mark.parametrize("name", list_services())
def test_a_service_loads_no_other(loaded: dict[str, list[str]], name: str) -> None:
    assert f"services.{name}.main" in loaded[name]
    assert not [
        module
        for module in loaded[name]
        if module != "services" and module.split(".")[:2] != ["services", name]
    ]


def test_shared_is_ours() -> None:
    assert Path(shared.__file__ or "").parent == ROOT / "shared"


def test_every_folder_with_code_is_a_package() -> None:
    bare = [
        folder
        for top in ("services", "tests", "shared", "embedded")
        for folder in {path.parent for path in (ROOT / top).rglob("*.py")}
        if not (folder / "__init__.py").exists() and folder != ROOT / "shared" / "migrations"
    ]

    assert not bare
