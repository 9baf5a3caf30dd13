"""Code sets of visits."""

from shared.labels import Labelled


class VisitKind(Labelled):
    """走访对象."""

    HOUSEHOLD = "household", "农户"
    PROJECT = "project", "项目"
    ASSET = "asset", "资产"
    OTHER = "other", "其他"


class Purpose(Labelled):
    """走访目的."""

    MONITORING = "monitoring", "防返贫监测"
    CARE = "care", "慰问关怀"
    POLICY = "policy", "政策宣讲"
    DISPUTE = "dispute", "矛盾纠纷排查"
    INDUSTRY = "industry", "产业指导"
    PROJECT = "project", "项目进度与质量"
    ASSET = "asset", "资产管护"
    OTHER = "other", "其他"
