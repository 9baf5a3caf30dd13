"""Code sets of household batches."""

from shared.labels import Labelled


class RowState(Labelled):
    """到户补贴的发放状态."""

    LISTED = "listed", "已列入"
    FAILED = "failed", "发放失败"
