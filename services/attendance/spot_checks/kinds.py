"""Code sets of spot checks."""

from shared.labels import Labelled


class Outcome(Labelled):
    """抽查结果. Only a person says absent."""

    PENDING = "pending", "待答复"
    PRESENT = "present", "在岗"
    ELSEWHERE = "elsewhere", "答复位置不在围栏内, 待核实"
    LATE = "late", "逾时答复, 待核实"
    EXCUSED = "excused", "有事由"
    ABSENT = "absent", "不在岗"


class AnsweredBy(Labelled):
    """答复方式."""

    PLACE = "place", "本人定位"
    CALL_BACK = "call_back", "回拨座机或视频"
    ON_SITE = "on_site", "现场查看"
