"""Code sets of the register."""

from shared.labels import Labelled


class AssetClass(Labelled):
    """资产类别. It decides the duties: income, keeping, or follow-up visits."""

    PUBLIC = "public", "公益性资产"
    OPERATING = "operating", "经营性资产"
    HOUSEHOLD = "household", "到户类资产"

    @property
    def letters(self) -> str:
        """The two letters of the class in an asset code."""
        return {AssetClass.PUBLIC: "GY", AssetClass.OPERATING: "JY", AssetClass.HOUSEHOLD: "DH"}[self]


class OwnerKind(Labelled):
    """所有权人类型, from the state down to the household."""

    STATE = "state", "国有(县级)"
    TOWN = "town", "镇(乡)"
    VILLAGE = "village", "村集体"
    HOUSEHOLD = "household", "农户"
    UNKNOWN = "unknown", "待定"


class Right(Labelled):
    """所有权之外的五项权利."""

    USE = "use", "使用权"
    OPERATION = "operation", "经营权"
    INCOME = "income", "收益权"
    DISPOSAL = "disposal", "处置权"
    SUPERVISION = "supervision", "监督权"


class Track(Labelled):
    """经营性资产分类处置: 巩固, 升级, 盘活, 调整."""

    CONSOLIDATE = "consolidate", "巩固一批"
    UPGRADE = "upgrade", "升级一批"
    REVIVE = "revive", "盘活一批"
    ADJUST = "adjust", "调整一批"


class Origin(Labelled):
    """登记来源."""

    ACCEPTANCE = "acceptance", "项目验收形成"
    MANUAL = "manual", "补登"
    IMPORT = "import", "台账导入"
    SPLIT = "split", "拆分"
    MERGE = "merge", "合并"
