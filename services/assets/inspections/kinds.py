"""Code sets of what phones send in."""

from shared.labels import Labelled


class Taken(Labelled):
    """离线记录中一条的处理结果."""

    APPLIED = "applied", "已记录"
    DUPLICATE = "duplicate", "重复提交"
    REFUSED = "refused", "未接受"
