"""Code sets of stock-taking."""

from shared.labels import Labelled


class Result(Labelled):
    """盘点结果."""

    FOUND = "found", "账实相符"
    DAMAGED = "damaged", "找到, 有损坏"
    MISPLACED = "misplaced", "不在登记地点"
    MISSING = "missing", "盘亏(未找到)"
    NOT_ON_LIST = "not_on_list", "盘盈(账外)"
