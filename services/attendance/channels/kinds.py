"""Code sets of channels."""

from shared.labels import Labelled


class PullState(Labelled):
    """定时导入状态."""

    WAITING = "waiting", "等待下次"
    RUNNING = "running", "正在导入"
    FAILED = "failed", "上次未完成, 将重试"
