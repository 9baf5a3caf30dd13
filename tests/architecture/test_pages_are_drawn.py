"""The pages draw what /meta describes: no list of field names is written by hand in web/src, and their code stays small."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LABELS = json.loads((ROOT / "shared" / "records" / "field_labels.json").read_text("utf-8"))
FIELD_NAMES = frozenset(name.rpartition(".")[2] for name in LABELS)
LITERAL_LIST = re.compile(r"""\[((?:\s*["'][a-z_]+["']\s*,?)+)\]""")
MIN_NAMES = 3
MAX_CODE_LINES = 6_000
"""Lines of the desk, the phone and what they share, that are neither empty nor only a comment."""
COMMENT = re.compile(r"\s*(//.*|/\*.*\*/|<!--.*-->)?\s*")


def list_sources(*suffixes: str) -> list[Path]:
    """Own sources of the pages, without tests and generated types."""
    found = (ROOT / "web" / "src").rglob("*")
    return [
        one
        for one in found
        if one.suffix in suffixes and "generated" not in one.parts and not one.name.endswith(".test.ts")
    ]


def find_field_lists(text: str) -> list[str]:
    """Literal lists of at least three names that are all fields of records."""
    found = []
    for match in LITERAL_LIST.finditer(text):
        names = re.findall(r"[a-z_]+", match[1])
        if len(names) >= MIN_NAMES and set(names) <= FIELD_NAMES:
            found.append(match[0])
    return found


def test_no_page_lists_fields_by_hand() -> None:
    sources = list_sources(".ts", ".vue")
    assert len(sources) > 10
    written = [
        f"{path.relative_to(ROOT)}: {one}"
        for path in sources
        for one in find_field_lists(path.read_text("utf-8"))
    ]
    assert not written


def test_a_list_of_fields_is_found() -> None:
    assert find_field_lists('const columns = ["name", "region", "amount"];')
    assert not find_field_lists('const types = ["object", "list", "region"];')
    assert not find_field_lists('const two = ["name", "region"];')


def test_the_client_stays_small() -> None:
    lines = [
        line for path in list_sources(".ts", ".vue", ".css") for line in path.read_text("utf-8").splitlines()
    ]
    assert len([line for line in lines if not COMMENT.fullmatch(line)]) <= MAX_CODE_LINES
