"""All permissions and the reach of each role. Made by `make docs` from services/*/service.toml; edit those instead."""

from shared.china import LabelledEnum


class May(LabelledEnum):
    """权限: `subject:verb`."""

    # identity
    ACCOUNT_READ = "account:read", "查看账号"
    ACCOUNT_MANAGE = "account:manage", "管理账号"
    SECURITY_MANAGE = "security:manage", "维护安全规则"
    ACCOUNT_PERSON_REQUEST = "account-person-request:manage", "办理账号个人信息请求"
    ACCOUNT_DUTIES_ASK = "account-duties:ask", "核对账号未办结的事项"
    REGION_READ = "region:read", "查看区划"
    REGION_MANAGE = "region:manage", "维护区划"
    # every service
    FILE_UPLOAD = "file:upload", "上传文件"
    FILE_READ = "file:read", "查看文件"
    RULE_READ = "rule:read", "查看规则"
    LOG_OPERATE = "log:operate", "运维事件日志"
    LOG_VERIFY = "log:verify", "校验事件日志"
    REMINDER_MANAGE = "reminder:manage", "管理到期提醒"
    EVENT_DELIVER = "event:deliver", "投递事件"
    # assets
    ASSET_READ = "asset:read", "查看资产"
    ASSET_REGISTER = "asset:register", "登记资产"
    ASSET_CONFIRM = "asset:confirm", "资产确权"
    ASSET_HAND_OVER = "asset:hand_over", "资产移交"
    ASSET_RECEIVE = "asset:receive", "接收资产"
    ASSET_OPERATE = "asset:operate", "经营资产"
    ASSET_KEEP = "asset:keep", "管护资产"
    CAMPAIGN_RUN = "campaign:run", "组织盘点"
    ASSET_INSPECT = "asset:inspect", "巡查资产"
    ASSET_DISPOSE = "asset:dispose", "申请处置资产"
    ASSET_APPROVE = "asset:approve", "审批资产事项"
    ASSET_NOTICE = "asset:notice", "发布资产公示"
    ASSET_OBJECT = "asset:object", "登记资产异议"
    ASSET_RULE_MANAGE = "asset-rule:manage", "维护资产规则"
    ASSET_PERSON_REQUEST = "asset-person-request:manage", "办理资产管护和收益个人信息请求"
    # attendance
    CHECK_IN = "presence:check_in", "打卡"
    PRESENCE_READ = "presence:read", "查看在岗情况"
    PRESENCE_REVIEW = "presence:review", "复核在岗记录"
    POST_MANAGE = "post:manage", "管理驻村点"
    TEAM_MANAGE = "team:manage", "管理工作队"
    LEAVE_REQUEST = "leave:request", "请假报备"
    LEAVE_APPROVE = "leave:approve", "审批请假"
    VISIT_RECORD = "visit:record", "记录走访与实事"
    PRESENCE_IMPORT = "presence:import", "导入考勤"
    PRESENCE_EXCHANGE = "presence:exchange", "与考勤系统交换"
    SPOT_CHECK = "presence:spot_check", "抽查"
    COMPLAINT_HANDLE = "complaint:handle", "办理考勤投诉"
    PRESENCE_RULE_MANAGE = "presence-rule:manage", "维护驻村规则"
    PRESENCE_CHANNEL = "presence-channel:manage", "管理考勤接口与外部账号"
    PRESENCE_PERSON_REQUEST = "presence-person-request:manage", "办理走访和投诉个人信息请求"
    # files
    FILE_RULE_MANAGE = "file-rule:manage", "维护文件规则"
    # funds
    FUND_READ = "fund:read", "查看资金"
    SOURCE_REGISTER = "source:register", "登记资金来源"
    PLAN_DRAFT = "plan:draft", "编制分配方案"
    PLAN_APPROVE = "plan:approve", "审定分配方案"
    PLAN_ISSUE = "plan:issue", "下达资金"
    YEAR_CLOSE = "year:close", "年终结账"
    PAYMENT_SUBMIT = "payment:submit", "提交支付申请"
    PAYMENT_REVIEW = "payment:review", "审核支付"
    PAYMENT_APPROVE = "payment:approve", "批准支付"
    PAYMENT_SETTLE = "payment:settle", "登记支付结果"
    BENEFICIARY_REVEAL = "beneficiary:reveal", "查看农户账号"
    BENEFICIARY_EXPORT = "beneficiary:export", "导出代发文件"
    FUND_NOTICE = "fund:notice", "发布资金公示"
    FUND_OBJECT = "fund:object", "登记资金异议"
    FUND_ALERT = "fund:alert", "处理资金预警"
    FUND_SUPERVISE = "fund:supervise", "监督资金预警"
    TARGET_MANAGE = "target:manage", "管理绩效目标"
    RECONCILE = "fund:reconcile", "对账"
    EXCHANGE = "fund:exchange", "与财政系统交换"
    WEBHOOK_MANAGE = "webhook:manage", "管理事件推送"
    FUND_RULE_MANAGE = "fund-rule:manage", "维护资金规则"
    PAYEE_PERSON_REQUEST = "payee-person-request:manage", "办理领款人个人信息请求"
    # gateway
    OVERVIEW_READ = "overview:read", "查看总览"
    THREAD_READ = "thread:read", "查看资金全链条"
    # households
    HOUSEHOLD_READ = "household:read", "查看监测户"
    HOUSEHOLD_SUMMARY_READ = "household-summary:read", "查看监测合计"
    HOUSEHOLD_OPEN = "household:open", "查阅监测户档案"
    CLUE_ENTER = "clue:enter", "登记监测线索"
    HOUSEHOLD_INVESTIGATE = "household:investigate", "入户核查和评议"
    HOUSEHOLD_NOTICE = "household:notice", "公示监测户"
    HOUSEHOLD_OBJECT = "household:object", "登记公示异议"
    HOUSEHOLD_COMPARE = "household:compare", "部门信息比对"
    HOUSEHOLD_REVIEW = "household:review", "镇审核监测户"
    HOUSEHOLD_APPROVE = "household:approve", "县审定监测户"
    HELP_ENTER = "household-help:enter", "登记信贷和岗位"
    HOUSEHOLD_ASK = "household:ask", "核对是否监测户"
    HOUSEHOLD_RULE_MANAGE = "household-rule:manage", "维护监测规则"
    HOUSEHOLD_PERSON_REQUEST = "household-person-request:manage", "办理监测对象个人信息请求"
    # projects
    PROJECT_READ = "project:read", "查看项目"
    PROJECT_DECLARE = "project:declare", "申报项目"
    PROJECT_ENDORSE = "project:endorse", "镇级审核"
    PROJECT_APPRAISE = "project:appraise", "部门论证"
    PROJECT_APPROVE = "project:approve", "县级审定"
    PROJECT_PLAN = "project:plan", "纳入年度计划"
    PROJECT_IMPLEMENT = "project:implement", "组织实施"
    PROJECT_ACCEPT = "project:accept", "组织验收"
    PROJECT_WAIVE = "project:waive", "筛查放行"
    PROJECT_COMMIT = "project:commit", "登记资金安排"
    SCREENING_TRY = "screening:try", "试筛文本"
    PROJECT_NOTICE = "project:notice", "发布项目公示"
    PROJECT_RULE_MANAGE = "project-rule:manage", "维护项目规则"
    PROJECT_OBJECT = "project:object", "登记项目异议"
    PROJECT_PERSON_REQUEST = "project-person-request:manage", "办理项目责任人个人信息请求"
    # rectification
    RECTIFICATION_READ = "rectification:read", "查看整改台账"
    RECTIFICATION_ENTER = "rectification:enter", "登记整改问题"
    RECTIFICATION_IMPLEMENT = "rectification:implement", "认领和整改"
    RECTIFICATION_TOWN_CHECK = "rectification:town_check", "镇核实整改"
    RECTIFICATION_CHECK = "rectification:check", "部门核实整改"
    RECTIFICATION_CLOSE = "rectification:close", "整改销号"
    RECTIFICATION_RULE_MANAGE = "rectification-rule:manage", "维护整改规则"
    RECTIFICATION_PERSON_REQUEST = "rectification-person-request:manage", "办理整改责任人个人信息请求"
    # sync
    SYNC_READ = "sync:read", "查看本人的同步记录"
    # workplan
    WORKPLAN_READ = "workplan:read", "查看要点任务"
    WORKPLAN_MANAGE = "workplan:manage", "编制要点任务"
    WORKPLAN_REPORT = "workplan:report", "填报任务进度"
    WORKPLAN_CONFIRM = "workplan:confirm", "核实任务进度"
    WORKPLAN_RULE_MANAGE = "workplan-rule:manage", "维护要点任务规则"


# fmt: off
PERMISSION_TABLE: dict[May, str] = {
    #                                  clerk cadre town line bureau finance leader auditor admin secadm machine service
    # identity
    May.ACCOUNT_READ:                 "s s s s s s s b b b . a",
    May.ACCOUNT_MANAGE:               ". . . . . . . . b . . .",
    May.SECURITY_MANAGE:              ". . . . . . . . . b . .",
    May.ACCOUNT_PERSON_REQUEST:       ". . . . . . . . b b . .",
    May.ACCOUNT_DUTIES_ASK:           ". . . . . . . . . . . a",
    May.REGION_READ:                  "a a a a a a a a a a a a",
    May.REGION_MANAGE:                ". . . . . . . . b . . .",
    # every service
    May.FILE_UPLOAD:                  "b b b b b b . . . . b a",
    May.FILE_READ:                    "b b b b b b b b . . b a",
    May.RULE_READ:                    "a a a a a a a a a a a a",
    May.LOG_OPERATE:                  ". . . . . . . . b . . .",
    May.LOG_VERIFY:                   ". . . . . . . b b . . .",
    May.REMINDER_MANAGE:              ". . . . b b . . . . . .",
    May.EVENT_DELIVER:                ". . . . . . . . . . . a",
    # assets
    May.ASSET_READ:                   "b b b b b b b b . . b a",
    May.ASSET_REGISTER:               "b . b b b . . . . . . .",
    May.ASSET_CONFIRM:                ". . . b b . . . . . . .",
    May.ASSET_HAND_OVER:              ". . b b b . . . . . . .",
    May.ASSET_RECEIVE:                "b . b b . . . . . . . .",
    May.ASSET_OPERATE:                "b . b b . . . . . . . .",
    May.ASSET_KEEP:                   "b . b b . . . . . . . .",
    May.CAMPAIGN_RUN:                 ". . b . b . . . . . . .",
    May.ASSET_INSPECT:                "b b b b b . . . . . . .",
    May.ASSET_DISPOSE:                "b . b b . . . . . . . .",
    May.ASSET_APPROVE:                ". . . . b . . . . . . .",
    May.ASSET_NOTICE:                 "b . b b b . . . . . . .",
    May.ASSET_OBJECT:                 "b b b b b b b . . . . .",
    May.ASSET_RULE_MANAGE:            ". . . . b . . . . . . .",
    May.ASSET_PERSON_REQUEST:         ". . . . b . . . . . . .",
    # attendance
    May.CHECK_IN:                     ". s . . . . . . . . . .",
    May.PRESENCE_READ:                ". s b . b . b b . . . a",
    May.PRESENCE_REVIEW:              ". . b . b . . . . . . .",
    May.POST_MANAGE:                  ". . b . b . . . . . . .",
    May.TEAM_MANAGE:                  ". . b . b . . . . . . .",
    May.LEAVE_REQUEST:                ". s . . . . . . . . . .",
    May.LEAVE_APPROVE:                ". . b . b . b . . . . .",
    May.VISIT_RECORD:                 ". s . . . . . . . . . .",
    May.PRESENCE_IMPORT:              ". . . . b . . . . . . .",
    May.PRESENCE_EXCHANGE:            ". . . . b . . . . . b .",
    May.SPOT_CHECK:                   ". . b . b . . . . . . .",
    May.COMPLAINT_HANDLE:             ". . . . b . . b . . . .",
    May.PRESENCE_RULE_MANAGE:         ". . . . b . . . . . . .",
    May.PRESENCE_CHANNEL:             ". . . . . . . . b . . .",
    May.PRESENCE_PERSON_REQUEST:      ". . . . b . . . . . . .",
    # files
    May.FILE_RULE_MANAGE:             ". . . . . . . . b . . .",
    # funds
    May.FUND_READ:                    "b b b b b b b b . . b a",
    May.SOURCE_REGISTER:              ". . . . . b . . . . b .",
    May.PLAN_DRAFT:                   ". . . . b . . . . . . .",
    May.PLAN_APPROVE:                 ". . . . . b . . . . . .",
    May.PLAN_ISSUE:                   ". . . . . b . . . . . .",
    May.YEAR_CLOSE:                   ". . . . . b . . . . . .",
    May.PAYMENT_SUBMIT:               ". . b b b . . . . . . .",
    May.PAYMENT_REVIEW:               ". . . . b . . . . . . .",
    May.PAYMENT_APPROVE:              ". . . . . b . . . . . .",
    May.PAYMENT_SETTLE:               ". . . . . b . . . . b .",
    May.BENEFICIARY_REVEAL:           ". . s . . b . b . . . .",
    May.BENEFICIARY_EXPORT:           ". . . . . b . . . . . .",
    May.FUND_NOTICE:                  ". . . . b b . . . . . .",
    May.FUND_OBJECT:                  "b b b b b b b . . . . .",
    May.FUND_ALERT:                   ". . b b b b . . . . . .",
    May.FUND_SUPERVISE:               ". . . . . b . . . . . .",
    May.TARGET_MANAGE:                ". . b b b b . . . . . .",
    May.RECONCILE:                    ". . . . . b . . . . b .",
    May.EXCHANGE:                     ". . . . . b . . . . b .",
    May.WEBHOOK_MANAGE:               ". . . . . b . . . . . .",
    May.FUND_RULE_MANAGE:             ". . . . . b . . . . . .",
    May.PAYEE_PERSON_REQUEST:         ". . . . . b . . . . . .",
    # gateway
    May.OVERVIEW_READ:                "b b b b b b b b . . . .",
    May.THREAD_READ:                  "b b b b b b b b . . . .",
    # households
    May.HOUSEHOLD_READ:               "b s b . b . . b . . . a",
    May.HOUSEHOLD_SUMMARY_READ:       "b b b b b b b b . . . a",
    May.HOUSEHOLD_OPEN:               "b s b . b . . b . . . .",
    May.CLUE_ENTER:                   "b b b b b . . . . . . .",
    May.HOUSEHOLD_INVESTIGATE:        "b s b . . . . . . . . .",
    May.HOUSEHOLD_NOTICE:             "b . b . . . . . . . . .",
    May.HOUSEHOLD_OBJECT:             "b . b . b . . . . . . .",
    May.HOUSEHOLD_COMPARE:            ". . . . b . . . . . . .",
    May.HOUSEHOLD_REVIEW:             ". . b . . . . . . . . .",
    May.HOUSEHOLD_APPROVE:            ". . . . b . . . . . . .",
    May.HELP_ENTER:                   ". . b . b . . . . . . .",
    May.HOUSEHOLD_ASK:                ". . . . . . . . . . . a",
    May.HOUSEHOLD_RULE_MANAGE:        ". . . . b . . . . . . .",
    May.HOUSEHOLD_PERSON_REQUEST:     ". . . . b . . . . . . .",
    # projects
    May.PROJECT_READ:                 "b b b b b b b b . . b a",
    May.PROJECT_DECLARE:              "b . b b b . . . . . . .",
    May.PROJECT_ENDORSE:              ". . b . . . . . . . . .",
    May.PROJECT_APPRAISE:             ". . . b . . . . . . . .",
    May.PROJECT_APPROVE:              ". . . . b . . . . . . .",
    May.PROJECT_PLAN:                 ". . . . b . . . . . . a",
    May.PROJECT_IMPLEMENT:            ". . b b b . . . . . . .",
    May.PROJECT_ACCEPT:               ". . . . b . . . . . . .",
    May.PROJECT_WAIVE:                ". . . . b . . . . . . .",
    May.PROJECT_COMMIT:               ". . . . . . . . . . . a",
    May.SCREENING_TRY:                "b b b b b b b b . . b a",
    May.PROJECT_NOTICE:               "b . b b b . . . . . . .",
    May.PROJECT_RULE_MANAGE:          ". . . . b . . . . . . .",
    May.PROJECT_OBJECT:               "b b b b b b b . . . . .",
    May.PROJECT_PERSON_REQUEST:       ". . . . b . . . . . . .",
    # rectification
    May.RECTIFICATION_READ:           "b b b b b b b b . . . a",
    May.RECTIFICATION_ENTER:          ". . b . b . . . . . . .",
    May.RECTIFICATION_IMPLEMENT:      "b . b b b b . . . . . .",
    May.RECTIFICATION_TOWN_CHECK:     ". . b . . . . . . . . .",
    May.RECTIFICATION_CHECK:          ". . . b b b . . . . . .",
    May.RECTIFICATION_CLOSE:          ". . . . b . . . . . . .",
    May.RECTIFICATION_RULE_MANAGE:    ". . . . b . . . . . . .",
    May.RECTIFICATION_PERSON_REQUEST: ". . . . b . . . . . . .",
    # sync
    May.SYNC_READ:                    "s s s s s s s s s s . .",
    # workplan
    May.WORKPLAN_READ:                "b b b b b b b b . . . a",
    May.WORKPLAN_MANAGE:              ". . . . b . . . . . . .",
    May.WORKPLAN_REPORT:              ". . b b b b . . . . . .",
    May.WORKPLAN_CONFIRM:             ". . . b b . . . . . . .",
    May.WORKPLAN_RULE_MANAGE:         ". . . . b . . . . . . .",
}
# fmt: on
