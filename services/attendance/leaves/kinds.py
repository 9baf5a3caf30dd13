"""Code sets of leaves."""

from shared.labels import Labelled


class LeaveKind(Labelled):
    """假别."""

    PERSONAL = "personal", "事假"
    SICK = "sick", "病假"
    ANNUAL = "annual", "年休假"
    MARRIAGE = "marriage", "婚假"
    MATERNITY = "maternity", "产假、护理假"
    BEREAVEMENT = "bereavement", "丧假"
    HOME = "home", "探亲假"
    OTHER = "other", "其他"


class Part(Labelled):
    """一天里的哪一段."""

    DAY = "day", "全天"
    MORNING = "morning", "上午"
    EVENING = "evening", "下午或晚上"
