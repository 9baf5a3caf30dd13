"""The reference pages are what the code says today."""

from docs.generate import ROOT, build_pages


def test_no_page_is_stale() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in build_pages().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]

    assert not stale, "run `make docs`"


def test_both_readmes_show_the_same_calls() -> None:
    english, chinese = (
        [
            line
            for line in (ROOT / name).read_text("utf-8").splitlines()
            if line.startswith(("curl", "  -d", "login", "B="))
        ]
        for name in ("README.md", "README.zh-CN.md")
    )

    assert english
    assert english == chinese
