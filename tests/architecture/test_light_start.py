"""A process loads what only few requests need when they need it: dictionaries, fonts and what draws papers and workbooks."""

import csv
import subprocess
import sys

from services.identity.regions.service import SPELLINGS_FILE, spell_name

HEAVY = (
    "docx",
    "fido2",
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


def test_names_of_the_region_files_are_spelled_beforehand_as_the_dictionary_spells_them() -> None:
    names = set()
    for path in SPELLINGS_FILE.parent.glob("regions-*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            names |= {row["name"] for row in csv.DictReader(file)}
    with SPELLINGS_FILE.open(encoding="utf-8", newline="") as file:
        stored = {row.pop("name"): row for row in csv.DictReader(file)}

    assert stored == {name: spell_name(name) for name in names}


def test_starting_all_services_loads_no_heavy_package() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []
