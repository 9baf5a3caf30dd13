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
import importlib, json, sys
importlib.import_module("services.{name}.main")
print(json.dumps(sorted(m for m in sys.modules if m.split(".")[0] in {{"services", "embedded", "tests"}})))
"""


@pytest.mark.parametrize("name", list_services())
def test_a_service_loads_no_other(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_PROBE_SCRIPT.format(name=name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    strangers = [
        module
        for module in json.loads(done.stdout)
        if module != "services" and module.split(".")[:2] != ["services", name]
    ]
    assert not strangers


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
