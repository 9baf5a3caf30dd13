"""Code sets of imports."""

from shared.labels import Labelled


class ImportState(Labelled):
    """导入进展."""

    RUNNING = "running", "导入中"
    DONE = "done", "已完成"
    FAILED = "failed", "已中断"
