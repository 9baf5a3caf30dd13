"""An announcement as a page of its own, without scripts or outside files."""

from html import escape

from services.funds.disclosure.schemas import Page

STYLE = (
    "body{font-family:serif;max-width:72rem;margin:1rem auto;padding:0 1rem}h1{text-align:center;font-size:1.5rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #666;padding:.3rem;vertical-align:top}"
    "thead{display:table-header-group}@media print{body{margin:0;max-width:none}}"
)


def html(page: Page) -> bytes:
    """The page in HTML, UTF-8."""
    words = "".join(f"<p>{escape(label)}: {escape(text)}</p>" for label, text in page.words)
    head = "".join(f"<th>{escape(name)}</th>" for name in page.head)
    rows = "".join(f"<tr>{_cells(row)}</tr>" for row in page.rows)
    text = (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        f"<title>{escape(page.title)}</title><style>{STYLE}</style></head><body><h1>{escape(page.title)}</h1>{words}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        f"<tfoot><tr>{_cells(page.totals)}</tr></tfoot></table></body></html>"
    )
    return text.encode()


def _cells(row: tuple[str, ...]) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in row)
