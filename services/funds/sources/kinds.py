"""Code sets of fund documents; which of them a day allows is a dated rule (`codes.*`)."""

from shared.labels import Labelled


class Level(Labelled):
    """资金级次."""

    CENTRAL = "central", "中央"
    PROVINCIAL = "provincial", "省级"
    CITY = "city", "市级"
    COUNTY = "county", "县级"


class Fund(Labelled):
    """资金类型."""

    POVERTY = "poverty", "财政专项扶贫资金"
    BRIDGING = "bridging", "财政衔接推进乡村振兴补助资金"
    REGULAR = "regular", "常态化帮扶资金"
    POOLED = "pooled", "统筹整合财政涉农资金"
    WORK_RELIEF = "work_relief", "以工代赈"
    EAST_WEST = "east_west", "东西部协作资金"
    PAIRED = "paired", "中央单位定点帮扶资金"
    BOND = "bond", "地方政府债券"
    LAND = "land", "土地出让收入"
    LOTTERY = "lottery", "彩票公益金"
    DONATION = "donation", "社会捐赠"
    OWN = "own", "其他自有资金"


class Task(Labelled):
    """资金任务."""

    CONSOLIDATION = "consolidation", "巩固拓展脱贫攻坚成果和乡村振兴"
    WORK_RELIEF = "work_relief", "以工代赈"
    MINORITY = "minority", "少数民族发展"
    STATE_FARM = "state_farm", "欠发达国有农场巩固提升"
    STATE_FOREST = "state_forest", "欠发达国有林场巩固提升"
    SANXI = "sanxi", "三西农业建设"
    OTHER = "other", "其他"


class Origin(Labelled):
    """指标来源."""

    TRANSFER = "transfer", "上级下达"
    BUDGET = "budget", "本级预算安排"
    CARRIED = "carried", "上年结转"
    OUTSIDE = "outside", "帮扶单位或社会投入"


class Adjustment(Labelled):
    """指标调整."""

    ADDITION = "addition", "追加"
    REDUCTION = "reduction", "追减"
    TAKE_BACK = "take_back", "收回"
