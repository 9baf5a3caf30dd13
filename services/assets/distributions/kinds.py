"""Code sets of income and its distribution."""

from shared.labels import Labelled


class Account(Labelled):
    """收益账户. What was received is always the sum of the other four."""

    RECEIVED = "received", "已收"
    AVAILABLE = "available", "未分配"
    PLANNED = "planned", "已定方案待付"
    RESERVED = "reserved", "公积提留"
    DISTRIBUTED = "distributed", "已分配"


class Purpose(Labelled):
    """收益用途."""

    RESERVE = "reserve", "村集体公积"
    WELFARE_POST = "welfare_post", "公益岗位工资"
    SMALL_WORKS = "small_works", "小型公益事业"
    SUPPORT = "support", "差异化帮扶困难群众"
    REWARD = "reward", "奖励先进"


class DecisionStep(Labelled):
    """四议两公开."""

    PROPOSED = "proposed", "村党支部会提议"
    DISCUSSED = "discussed", "村“两委”会商议"
    REVIEWED = "reviewed", "党员大会审议"
    RESOLVED = "resolved", "村民会议或村民代表会议决议"
    DECISION_PUBLIC = "decision_public", "决议公开"
    RESULT_PUBLIC = "result_public", "实施结果公开"


BEFORE_APPROVAL = (
    DecisionStep.PROPOSED,
    DecisionStep.DISCUSSED,
    DecisionStep.REVIEWED,
    DecisionStep.RESOLVED,
    DecisionStep.DECISION_PUBLIC,
)
"""The last of the six, the publication of the result, comes before closing."""
