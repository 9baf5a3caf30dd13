"""Code sets of deeds and trainings. The deeds are the columns of the monthly table in use (单位月统计)."""

from shared.labels import Labelled


class DeedKind(Labelled):
    """实事类别."""

    URGENT = "urgent", "解决急难愁盼"
    DISPUTE = "dispute", "化解矛盾纠纷"
    PROJECT = "project", "协调项目资金"
    ENTERPRISE = "enterprise", "引进企业"
    JOBS = "jobs", "带动就业"
    CONSUMPTION = "consumption", "消费帮扶"
    LECTURE = "lecture", "政策宣讲"
    OTHER = "other", "其他实事"


class TrainingKind(Labelled):
    """练兵比武."""

    TRAINING = "training", "岗位大练兵"
    CONTEST = "contest", "业务大比武"
