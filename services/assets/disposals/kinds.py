"""Code sets of disposals."""

from shared.labels import Labelled


class Cause(Labelled):
    """处置原因."""

    DISASTER = "disaster", "自然灾害"
    ACCIDENT = "accident", "意外事故"
    PLANNING = "planning", "发展规划"
    END_OF_LIFE = "end_of_life", "达到使用年限"
    TRANSFER = "transfer", "转让"
    EXCHANGE = "exchange", "置换"
    LOSS = "loss", "核销损失"
