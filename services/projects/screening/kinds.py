"""Code sets of kept screenings, clearances and rule sets."""

from shared.labels import Labelled


class Occasion(Labelled):
    """筛查时机."""

    DECLARE = "declare", "申报"
    ADMIT = "admit", "入库"
    PLAN = "plan", "纳入年度计划"
    CHANGE = "change", "变更"
    ROLL_OVER = "roll_over", "滚动入库"
    ASKED = "asked", "人工重筛"
    RESCREEN = "rescreen", "规则变动后重筛"


class SetState(Labelled):
    """规则集状态."""

    BUILT_IN = "built_in", "随版本内置"
    DRAFT = "draft", "草稿"
    ACTIVE = "active", "启用"
    RETIRED = "retired", "停用"
    DISCARDED = "discarded", "作废"


class ClearanceState(Labelled):
    """放行状态: a review finding is confirmed by one person, a block waived by two."""

    ASKED = "asked", "待批准"
    GRANTED = "granted", "已放行"
    REFUSED = "refused", "不同意"


class JobKind(Labelled):
    """全库筛查."""

    TRIAL = "trial", "试算"
    RESCREEN = "rescreen", "重筛"


class JobState(Labelled):
    """全库筛查进展."""

    RUNNING = "running", "进行中"
    DONE = "done", "已完成"
    FAILED = "failed", "已中断, 请重新发起"
