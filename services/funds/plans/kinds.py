"""Code sets of plans."""

from shared.labels import Labelled


class PlanKind(Labelled):
    """方案类别."""

    ORIGINAL = "original", "分配方案"
    AMENDMENT = "amendment", "调整方案"
