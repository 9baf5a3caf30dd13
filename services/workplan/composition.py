"""What workplan adds to the overview."""

from shared.clients.composition import Composition, Figure

COMPOSITION = Composition(
    figures=(
        Figure(rank=55, key="work_targets", path=("count",), label="要点任务指标", unit="个"),
        Figure(rank=56, key="work_targets_behind", path=("behind",), label="滞后的指标", unit="个"),
        Figure(rank=57, key="work_targets_unexplained", path=("unexplained",), label="滞后未说明", unit="个"),
    ),
)
