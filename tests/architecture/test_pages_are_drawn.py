"""The pages draw what /meta describes: no list of field names is written by hand in web/src."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LABELS = json.loads((ROOT / "shared" / "records" / "field_labels.json").read_text("utf-8"))
FIELD_NAMES = frozenset(name.rpartition(".")[2] for name in LABELS)
LITERAL_LIST = re.compile(r"""\[((?:\s*["'][a-z_]+["']\s*,?)+)\]""")
MIN_NAMES = 3


def find_field_lists(text: str) -> list[str]:
    """Literal lists of at least three names that are all fields of records."""
    found = []
    for match in LITERAL_LIST.finditer(text):
        names = re.findall(r"[a-z_]+", match[1])
        if len(names) >= MIN_NAMES and set(names) <= FIELD_NAMES:
            found.append(match[0])
    return found


def test_no_page_lists_fields_by_hand() -> None:
    sources = [*(ROOT / "web" / "src").rglob("*.ts"), *(ROOT / "web" / "src").rglob("*.vue")]
    assert len(sources) > 10
    written = [
        f"{path.relative_to(ROOT)}: {one}"
        for path in sources
        if "generated" not in path.parts and not path.name.endswith(".test.ts")
        for one in find_field_lists(path.read_text("utf-8"))
    ]
    assert not written


def test_a_list_of_fields_is_found() -> None:
    assert find_field_lists('const columns = ["name", "region", "amount"];')
    assert not find_field_lists('const types = ["object", "list", "region"];')
    assert not find_field_lists('const two = ["name", "region"];')
