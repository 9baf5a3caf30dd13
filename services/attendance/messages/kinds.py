"""Code sets of messages."""

from shared.labels import Labelled


class MessageKind(Labelled):
    """消息类别."""

    LEAVE = "leave", "请假"
    ERRAND = "errand", "公出"
    MAKE_UP = "make_up", "补卡"
    REVIEW = "review", "复核"
    CORRECTION = "correction", "管理员补记"
    DEVICE = "device", "常用手机"
    SPOT_CHECK = "spot_check", "抽查"
    DUTY = "duty", "值班"
    SWAP = "swap", "换班"
    SHEET = "sheet", "月表"
    OBJECTION = "objection", "异议答复"
    TERM = "term", "任期"
