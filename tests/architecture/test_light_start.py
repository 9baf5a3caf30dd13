"""A process loads what only few requests need when they need it: dictionaries, fonts and what draws papers and workbooks."""

import subprocess
import sys

HEAVY = (
    "docx",
    "fontTools",
    "gmalg",
    "jieba",
    "pandas",
    "pypinyin",
    "reportlab.pdfgen",
    "reportlab.platypus",
    "shapely",
    "xlsxwriter",
)
"""Packages of 5 to 60 MB each."""
PROGRAM = f"""
import importlib, sys
from embedded.system import list_services
for name in list_services():
    importlib.import_module(f"services.{{name}}.main")
print(*(name for name in {HEAVY!r} if name in sys.modules))
"""


def test_starting_all_services_loads_no_heavy_package() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []
