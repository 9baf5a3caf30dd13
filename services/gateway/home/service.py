"""Home page: to-do counts of the caller from all services, and shortcuts by permission."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from services.gateway.fan_out import FanOut, gather
from services.gateway.home.schemas import Home, RoleRead, ShortcutRead, TodoItem
from shared.auth import Actor, May
from shared.http import API_PREFIX
from shared.unit_of_work import CHINA_TIME_ZONE


@dataclass(frozen=True, slots=True)
class TodoQuery:
    """One kind of to-do: a filtered list of a service that callers with the permission must process."""

    may: May
    service: str
    path: str
    query: str
    label: str

    @property
    def key(self) -> str:
        """Stable identifier of this kind of to-do."""
        return f"{self.path.strip('/').replace('/', '.')}.{self.query.replace('=', '.')}"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """An action offered on the home page to callers with the permission."""

    may: May
    service: str
    method: str
    path: str
    label: str


# fmt: off
TODO_QUERIES: tuple[TodoQuery, ...] = (
    #         permission             service       path                     query                       label
    TodoQuery(May.PROJECT_DECLARE,   "projects",   "/projects",             "state=draft",              "项目草稿"),
    TodoQuery(May.PROJECT_DECLARE,   "projects",   "/projects",             "state=returned",           "退回修改的项目"),
    TodoQuery(May.PROJECT_DECLARE,   "projects",   "/projects",             "state=village_notice",     "村级公示中的项目"),
    TodoQuery(May.PROJECT_ENDORSE,   "projects",   "/projects",             "state=town_review",        "待镇级审核的项目"),
    TodoQuery(May.PROJECT_ENDORSE,   "projects",   "/projects",             "state=town_notice",        "镇级公示中的项目"),
    TodoQuery(May.PROJECT_APPRAISE,  "projects",   "/projects",             "state=appraisal",          "待论证的项目"),
    TodoQuery(May.PROJECT_APPROVE,   "projects",   "/projects",             "state=approval",           "待审定的项目"),
    TodoQuery(May.PROJECT_APPROVE,   "projects",   "/projects",             "state=district_notice",    "县级公示中的项目"),
    TodoQuery(May.PROJECT_IMPLEMENT, "projects",   "/projects",             "state=planned",            "待开工的项目"),
    TodoQuery(May.PROJECT_IMPLEMENT, "projects",   "/projects",             "overdue=true",             "超过计划工期的项目"),
    TodoQuery(May.PROJECT_ACCEPT,    "projects",   "/projects",             "state=completed",          "待验收的项目"),
    TodoQuery(May.PROJECT_ACCEPT,    "projects",   "/projects",             "state=accepted",           "待移交的项目"),
    TodoQuery(May.PROJECT_WAIVE,     "projects",   "/projects",             "blocked=true",             "筛查未通过的项目"),
    TodoQuery(May.PROJECT_ACCEPT,    "projects",   "/projects/evaluations", "state=submitted",          "待复核的项目评价"),
    TodoQuery(May.PROJECT_IMPLEMENT, "projects",   "/projects/alerts",      "state=open",               "待反馈的项目预警"),
    TodoQuery(May.PROJECT_APPROVE,   "projects",   "/projects/alerts",      "state=answered",           "待销号的项目预警"),
    TodoQuery(May.PROJECT_APPROVE,   "projects",   "/projects/changes",     "unpublished=true",         "逾期未公示的变更"),
    TodoQuery(May.PLAN_DRAFT,        "funds",      "/funds/plans",          "state=returned",           "退回修改的分配方案"),
    TodoQuery(May.PLAN_APPROVE,      "funds",      "/funds/plans",          "state=submitted",          "待审定的分配方案"),
    TodoQuery(May.PLAN_ISSUE,        "funds",      "/funds/plans",          "state=noticed",            "公示中的分配方案"),
    TodoQuery(May.PAYMENT_SUBMIT,    "funds",      "/funds/payments",       "state=rejected",           "未通过的支付申请"),
    TodoQuery(May.PAYMENT_REVIEW,    "funds",      "/funds/payments",       "state=submitted",          "待审核的支付"),
    TodoQuery(May.PAYMENT_APPROVE,   "funds",      "/funds/payments",       "state=reviewed",           "待批准的支付"),
    TodoQuery(May.PAYMENT_SETTLE,    "funds",      "/funds/payments",       "state=approved",           "待登记结果的支付"),
    TodoQuery(May.FUND_ALERT,        "funds",      "/funds/alerts",         "state=open",               "待反馈的资金预警"),
    TodoQuery(May.FUND_ALERT,        "funds",      "/funds/alerts",         "state=answered",           "待销号的资金预警"),
    TodoQuery(May.PLAN_APPROVE,      "funds",      "/funds/targets",        "state=submitted",          "待审批的绩效目标"),
    TodoQuery(May.ASSET_REGISTER,    "assets",     "/assets",               "state=draft",              "待登记的资产"),
    TodoQuery(May.ASSET_CONFIRM,     "assets",     "/assets",               "state=registered",         "待确权的资产"),
    TodoQuery(May.ASSET_RECEIVE,     "assets",     "/assets",               "state=offered",            "待接收的资产"),
    TodoQuery(May.ASSET_KEEP,        "assets",     "/assets",               "use=damaged",              "损毁待修的资产"),
    TodoQuery(May.ASSET_KEEP,        "assets",     "/assets/repairs",       "state=reported",           "待受理的报修"),
    TodoQuery(May.ASSET_INSPECT,     "assets",     "/assets/repairs",       "state=finished",           "待验收的维修"),
    TodoQuery(May.ASSET_OPERATE,     "assets",     "/assets/alerts",        "state=open",               "待反馈的资产预警"),
    TodoQuery(May.ASSET_APPROVE,     "assets",     "/assets/alerts",        "state=answered",           "待销号的资产预警"),
    TodoQuery(May.ASSET_APPROVE,     "assets",     "/assets/distributions", "state=decided",            "待批准的收益分配"),
    TodoQuery(May.ASSET_APPROVE,     "assets",     "/assets/disposals",     "state=decided",            "待批准的资产处置"),
    TodoQuery(May.ASSET_RECEIVE,     "assets",     "/assets/transfers",     "state=given",              "待接收的移交文书"),
    TodoQuery(May.PRESENCE_REVIEW,   "attendance", "/attendance/reviews",   "state=open",               "待复核的在岗日"),
    TodoQuery(May.PRESENCE_REVIEW,   "attendance", "/attendance/devices",   "state=pending",            "待批准的常用手机"),
    TodoQuery(May.LEAVE_APPROVE,     "attendance", "/attendance/leaves",    "to_approve=true",          "待我审批的请假"),
    TodoQuery(May.LEAVE_APPROVE,     "attendance", "/attendance/errands",   "state=reported",           "待知悉的公出报备"),
    TodoQuery(May.LEAVE_APPROVE,     "attendance", "/attendance/make-ups",  "state=witnessed",          "待审批的补卡"),
    TodoQuery(May.TEAM_MANAGE,       "attendance", "/attendance/duty-swaps", "state=agreed",            "待审批的换班"),
    TodoQuery(May.COMPLAINT_HANDLE,  "attendance", "/attendance/complaints", "state=open",              "待答复的投诉与异议"),
    TodoQuery(May.CHECK_IN,          "attendance", "/attendance/spot-checks/drawn", "outcome=pending",  "待答复的抽查"),
    TodoQuery(May.CHECK_IN,          "attendance", "/attendance/make-ups",  "to_witness=true",          "等我证明的补卡"),
    TodoQuery(May.CHECK_IN,          "attendance", "/attendance/duty-swaps", "to_agree=true",           "等我同意的换班"),
    TodoQuery(May.CHECK_IN,          "attendance", "/attendance/messages",  "unread=true",              "未读消息"),
    TodoQuery(May.VISIT_RECORD,      "attendance", "/attendance/follow-ups", "done=false",              "走访待办"),
)

SHORTCUTS: tuple[Shortcut, ...] = (
    #        permission             service       method  path                     label
    Shortcut(May.CHECK_IN,          "attendance", "POST", "/attendance/check-ins", "打卡"),
    Shortcut(May.VISIT_RECORD,      "attendance", "POST", "/attendance/visits",    "记走访"),
    Shortcut(May.VISIT_RECORD,      "attendance", "POST", "/attendance/deeds",     "记实事"),
    Shortcut(May.PROJECT_DECLARE,   "projects",   "POST", "/projects",             "申报项目"),
    Shortcut(May.SOURCE_REGISTER,   "funds",      "POST", "/funds/sources",        "登记指标文"),
    Shortcut(May.PLAN_DRAFT,        "funds",      "POST", "/funds/plans",          "编制分配方案"),
    Shortcut(May.PAYMENT_SUBMIT,    "funds",      "POST", "/funds/payments",       "申请支付"),
    Shortcut(May.ASSET_REGISTER,    "assets",     "POST", "/assets",               "登记资产"),
    Shortcut(May.OVERVIEW_READ,     "gateway",    "GET",  "/overview",             "看总览"),
    Shortcut(May.ACCOUNT_MANAGE,    "identity",   "GET",  "/users",                "管理账号"),
)
# fmt: on

COUNT_PARAMS: Mapping[str, str | int] = {"limit": 1, "count": "exact", "fields": "id"}


async def get_home(fan_out: FanOut, actor: Actor) -> Home:
    """Build the home page of an actor; unavailable services are listed in `missing`."""
    queries = [query for query in TODO_QUERIES if actor.can(query.may)]
    counts = await gather(_count_todo(fan_out, query) for query in queries)
    inbox = [_build_todo_item(query, count) for query, count in zip(queries, counts, strict=True) if count]
    return Home(
        person=actor.id,
        name=actor.name,
        organisation=actor.organisation,
        roles=[
            RoleRead(role=grant.role, label=grant.role.label, region=grant.region) for grant in actor.grants
        ],
        today=fan_out.context.clock().astimezone(CHINA_TIME_ZONE).date(),
        inbox=inbox,
        waiting=sum(item.count for item in inbox),
        shortcuts=[
            ShortcutRead(
                label=shortcut.label,
                service=shortcut.service,
                method=shortcut.method,
                address=f"{API_PREFIX}{shortcut.path}",
            )
            for shortcut in SHORTCUTS
            if actor.can(shortcut.may)
        ],
        missing=list(fan_out.unavailable.values()),
    )


async def _count_todo(fan_out: FanOut, query: TodoQuery) -> int:
    params = {**COUNT_PARAMS, **dict(parse_qsl(query.query))}
    page = await fan_out.get_or_none(query.service, query.path, params)
    return int((page or {}).get("total") or 0)


def _build_todo_item(query: TodoQuery, count: int) -> TodoItem:
    return TodoItem(
        key=query.key,
        label=query.label,
        service=query.service,
        count=count,
        rows=f"{API_PREFIX}{query.path}?{query.query}",
    )
