"""Code sets of teams."""

from shared.labels import Labelled


class MemberRole(Labelled):
    """队内职务."""

    FIRST_SECRETARY = "first_secretary", "第一书记"
    LEADER = "leader", "工作队队长"
    MEMBER = "member", "工作队队员"
    HELPER = "helper", "帮扶责任人"


class UnitLevel(Labelled):
    """帮扶单位层级."""

    CENTRAL = "central", "中央"
    PROVINCE = "province", "省"
    CITY = "city", "市"
    DISTRICT = "district", "县区"
    OTHER = "other", "其他"
