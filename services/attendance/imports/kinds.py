"""Code sets of imports."""

from shared.labels import Labelled


class Channel(Labelled):
    """考勤来源系统."""

    DINGTALK = "dingtalk", "钉钉"
    WECOM = "wecom", "企业微信"


class RunState(Labelled):
    """导入状态."""

    DONE = "done", "已完成"
    FAILED = "failed", "未完成"


class PunchState(Labelled):
    """一条外部记录的去向."""

    TAKEN = "taken", "已转为打卡"
    INVALID = "invalid", "来源判为无效"
    UNSIGNED = "unsigned", "排班未打卡"
    UNMATCHED = "unmatched", "未对应到人员"
