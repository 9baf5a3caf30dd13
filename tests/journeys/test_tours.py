"""The shell commands of the README and the tours work when pasted in order into a newly started system."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate import ROOT
from tests.gateway.test_run import start_system
from tests.journeys.curl import REFUSALS_VARIABLE

TOUR_FILES = [ROOT / "README.md", *sorted((ROOT / "docs" / "tours").glob("*.md"))]
SHELL_BLOCK_PATTERN = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
JOURNEYS_FOLDER = Path(__file__).parent
README_URL = "http://127.0.0.1:8000"
pytestmark = pytest.mark.timeout(600)  # starts the whole system, on whatever machine


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    var = tmp_path_factory.mktemp("tours") / "var"
    process, address = start_system(var)
    command = [sys.executable, "-m", "services.identity.load_regions", "632323", "--demo"]  # make district
    subprocess.run(command, cwd=ROOT, env=os.environ | {"XIANJIE_VAR": str(var)}, check=True)
    yield address
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """PATH with the replacement of curl and this Python as `python3`."""
    folder = tmp_path_factory.mktemp("bin")
    curl = folder / "curl"
    curl.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {JOURNEYS_FOLDER / "curl.py"} "$@"\n', "utf-8")
    curl.chmod(0o755)
    (folder / "python3").symlink_to(sys.executable)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("tour", TOUR_FILES, ids=[tour.stem for tour in TOUR_FILES])
def test_a_tour_works_when_pasted(tour: Path, url: str, path: str, tmp_path: Path) -> None:
    blocks = [
        block
        for block in SHELL_BLOCK_PATTERN.findall(tour.read_text("utf-8"))
        if not block.startswith("make ")
    ]
    script = "set -eu\n" + "\n".join(blocks).replace(README_URL, url)
    refusals = tmp_path / "refusals"
    completed = subprocess.run(
        ["/bin/sh"],
        input=script,
        cwd=tmp_path,
        env=os.environ | {"PATH": path, REFUSALS_VARIABLE: str(refusals)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert not refusals.exists(), refusals.read_text("utf-8")
    assert completed.returncode == 0, f"{completed.stdout[-2000:]}\n{completed.stderr[-3000:]}"
