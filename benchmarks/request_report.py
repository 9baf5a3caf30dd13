"""Table and plot of benchmarks/requests.py: Markdown for docs/benchmarks.md, SVG beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

PLOT = Path(__file__).parent.parent / "docs" / "pictures" / "requests.svg"
BAR_HEIGHT, ROW_HEIGHT, LABEL_WIDTH, PLOT_WIDTH = 12, 46, 250, 560
COLORS = {"ours": "#1f6f8b", "bare": "#b8b8b8"}


@dataclass(frozen=True)
class Row:
    """One request on one database at one number of connections; processor time in ms, rates a second, None where not measured."""

    database: str
    title: str
    connections: int
    statements: float
    cpu_ms: float
    rate: float
    bare_cpu_ms: float | None
    door_rate: float | None

    def format_line(self) -> str:
        """As a row of the Markdown table."""
        bare = "" if self.bare_cpu_ms is None else f"{self.bare_cpu_ms:.2f}"
        share = "" if self.bare_cpu_ms is None else f"{self.bare_cpu_ms / self.cpu_ms:.2f}"
        door = "" if self.door_rate is None else f"{self.door_rate / self.rate:.2f}"
        cells = (
            self.database,
            self.title,
            str(self.connections),
            f"{self.statements:.0f}",
            f"{self.cpu_ms:.2f}",
        )
        return f"| {' | '.join((*cells, bare, share, f'{self.rate:.0f}', door))} |"


HEADER = (
    "| database | request | connections | statements | ours, CPU ms | bare, CPU ms | share | ours, a second | through Caddy |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def format_table(rows: Sequence[Row]) -> str:
    """The Markdown table; `share` is bare : ours of processor time, `through Caddy` the share of the service's own rate."""
    return "\n".join([HEADER, *(row.format_line() for row in rows)])


def draw_plot(rows: Sequence[Row]) -> str:
    """An SVG with two bars of processor time for each row that has a bare counterpart."""
    shown = [row for row in rows if row.bare_cpu_ms is not None]
    longest = max([row.cpu_ms for row in shown] + [row.bare_cpu_ms or 0 for row in shown], default=1)
    width, height = LABEL_WIDTH + PLOT_WIDTH + 80, 40 + ROW_HEIGHT * len(shown)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        '<text x="8" y="20">Processor time of one request, ms (dark: the projects service, light: bare FastAPI)</text>',
    ]
    for at, row in enumerate(shown):
        top = 34 + at * ROW_HEIGHT
        label = f"{row.title}, {row.database}, {row.connections}"
        parts.append(f'<text x="8" y="{top + BAR_HEIGHT + 4}">{escape(label)}</text>')
        for place, (name, value) in enumerate((("ours", row.cpu_ms), ("bare", row.bare_cpu_ms or 0))):
            y, length = top + place * (BAR_HEIGHT + 3), max(1, round(value / longest * PLOT_WIDTH))
            parts += [
                f'<rect x="{LABEL_WIDTH}" y="{y}" width="{length}" height="{BAR_HEIGHT}" fill="{COLORS[name]}"/>',
                f'<text x="{LABEL_WIDTH + length + 6}" y="{y + BAR_HEIGHT - 1}">{value:.2f}</text>',
            ]
    return "\n".join([*parts, "</svg>", ""])


def write_plot(rows: Sequence[Row]) -> Path:
    """Write the plot and return where."""
    PLOT.parent.mkdir(exist_ok=True)
    PLOT.write_text(draw_plot(rows), "utf-8")
    return PLOT
