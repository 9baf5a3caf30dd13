"""Code sets of value adjustments."""

from shared.labels import Labelled


class AdjustmentKind(Labelled):
    """价值调整种类. Only a correction changes the original value; the others change the present one."""

    CORRECTION = "correction", "原值更正"
    IMPROVEMENT = "improvement", "改扩建增值"
    REVALUATION = "revaluation", "评估增减值"
    IMPAIRMENT = "impairment", "减值"
    PARTIAL = "partial", "部分处置"
