"""Code sets of the project record."""

from shared.labels import Labelled


class Origin(Labelled):
    """申报主体."""

    VILLAGE = "village", "村级申报"
    TOWN = "town", "乡镇申报"
    DISTRICT = "district", "县级申报"


class Nature(Labelled):
    """建设性质."""

    NEW = "new", "新建"
    REBUILT_EXTENDED = "rebuilt_extended", "改扩建"
    CONTINUED = "continued", "续建"
    REBUILT = "rebuilt", "改建"
    EXTENDED = "extended", "扩建"
    REPAIRED = "repaired", "维修"
    OTHER = "other", "其他"


class MoneyKind(Labelled):
    """计划资金来源."""

    CENTRAL = "central", "中央衔接资金"
    PROVINCIAL = "provincial", "省级衔接资金"
    CITY = "city", "市级衔接资金"
    COUNTY = "county", "县级衔接资金"
    FISCAL = "fiscal", "其他财政资金"
    SELF_RAISED = "self_raised", "自筹资金"
    OTHER = "other", "其他资金"


class Indicator(Labelled):
    """绩效指标类别: the third column decides where it stands in 产出, 效益, 满意度."""

    QUANTITY = "quantity", "数量指标"
    QUALITY = "quality", "质量指标"
    TIMELINESS = "timeliness", "时效指标"
    COST = "cost", "成本指标"
    ECONOMIC = "economic", "经济效益指标"
    SOCIAL = "social", "社会效益指标"
    ECOLOGICAL = "ecological", "生态效益指标"
    LASTING = "lasting", "可持续影响指标"
    SATISFACTION = "satisfaction", "服务对象满意度指标"


class Operator(Labelled):
    """指标值的比较."""

    AT_LEAST = ">=", "不低于"
    EQUAL = "=", "等于"
    AT_MOST = "<=", "不高于"


class Procurement(Labelled):
    """发包方式."""

    OPEN_TENDER = "open_tender", "公开招标"
    INVITED_TENDER = "invited_tender", "邀请招标"
    NEGOTIATION = "negotiation", "竞争性谈判(磋商)"
    INQUIRY = "inquiry", "询价"
    SINGLE_SOURCE = "single_source", "单一来源"
    SMALL_WORKS = "small_works", "限额以下小型工程"
    WORK_RELIEF = "work_relief", "以工代赈"
    VILLAGE_BUILD = "village_build", "村民自建(一事一议)"
    NOT_NEEDED = "not_needed", "不涉及采购"


class Purchase(Labelled):
    """采购对象."""

    WORKS = "works", "工程"
    GOODS = "goods", "货物"
    SERVICES = "services", "服务"


class Document(Labelled):
    """附件类别."""

    MINUTES = "minutes", "村民(代表)会议记录"
    BENEFICIARIES = "beneficiaries", "受益户名单"
    DESIGN = "design", "设计资料"
    LAND = "land", "用地手续"
    ENVIRONMENT = "environment", "环评手续"
    BUDGET = "budget", "投资概算"
    DECISION = "decision", "审定文件"
    IMPLEMENTATION_PLAN = "implementation_plan", "实施方案"
    PROCUREMENT = "procurement", "招标采购资料"
    CONTRACT = "contract", "合同"
    CHANGE = "change", "变更资料"
    COMPLETION = "completion", "竣工资料"
    ACCEPTANCE = "acceptance", "验收报告"
    SETTLEMENT = "settlement", "结算审计"
    EVALUATION = "evaluation", "绩效自评"
    PHOTO = "photo", "照片"
    OTHER = "other", "其他"
