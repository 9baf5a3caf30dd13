"""Code sets of performance targets, as 绩效目标申报表 orders them."""

from shared.labels import Labelled


class Part(Labelled):
    """一级指标."""

    OUTPUT = "output", "产出指标"
    BENEFIT = "benefit", "效益指标"
    SATISFACTION = "satisfaction", "满意度指标"


class Aspect(Labelled):
    """二级指标."""

    QUANTITY = "quantity", "数量指标"
    QUALITY = "quality", "质量指标"
    TIMELINESS = "timeliness", "时效指标"
    COST = "cost", "成本指标"
    ECONOMIC = "economic", "经济效益指标"
    SOCIAL = "social", "社会效益指标"
    ECOLOGICAL = "ecological", "生态效益指标"
    LASTING = "lasting", "可持续影响指标"
    SERVED = "served", "服务对象满意度指标"

    @property
    def part(self) -> Part:
        """The 一级指标 it belongs to."""
        if self in {Aspect.QUANTITY, Aspect.QUALITY, Aspect.TIMELINESS, Aspect.COST}:
            return Part.OUTPUT
        return Part.SATISFACTION if self is Aspect.SERVED else Part.BENEFIT


class Operator(Labelled):
    """指标值的比较."""

    GE = "ge", "≥"
    EQ = "eq", "="
    LE = "le", "≤"
