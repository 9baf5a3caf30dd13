"""Step one: the county's regions and its people."""

from operations.demo.fixtures import COUNTY, HERI, REGION_FILE, WANGJIA, XIBUSHA, YEJINMU
from operations.demo.runner import FIRST_PASSWORD, USER_PASSWORD, DemoRun, Step
from operations.demo.users import HTTP_CONFLICT, DemoUser, RequestRefused
from shared.db import new_id

TOWN_REGIONS = (XIBUSHA, HERI, WANGJIA, COUNTY)
# fmt: off
ACCOUNTS = (
    # who        name           role             regions
    ("clerk",    "叶金木村文书",  "village_clerk", (YEJINMU,)),
    ("cadre",    "叶金木村驻村干部", "cadre",       (YEJINMU,)),
    ("town",     "乡镇项目专干",  "town_officer",  TOWN_REGIONS),
    ("mayor",    "乡镇审核人",    "town_officer",  (XIBUSHA, HERI, WANGJIA)),
    ("line",     "农牧水利和科技局经办", "line_bureau", (COUNTY,)),
    ("appraiser", "农牧水利和科技局论证", "line_bureau", (COUNTY,)),
    ("bureau",   "乡村振兴局经办", "bureau",        (COUNTY,)),
    ("director", "乡村振兴局审定", "bureau",        (COUNTY,)),
    ("finance",  "财政局经办",    "finance",       (COUNTY,)),
    ("treasurer", "财政局审批",   "finance",       (COUNTY,)),
    ("leader",   "县领导",        "leader",        (COUNTY,)),
    ("auditor",  "审计",          "auditor",       (COUNTY,)),
)
# fmt: on


async def load_regions(story: DemoRun) -> str:
    """The administrator loads the region file of 632323, as often as they like."""
    done = await story.admin.upload("/regions/imports", REGION_FILE.read_bytes(), "text/csv")
    count = done["added"] + done["changed"] + done["unchanged"]
    return f"管理员导入泽库县(632323)区划文件: {count} 个区划, 新增 {done['added']} 个"


async def open_accounts(story: DemoRun) -> str:
    """Every person gets an account, and makes its password their own."""
    fresh = 0
    for who, name, role, regions in ACCOUNTS:
        fresh += await _open_account(story, who, name, role, regions)
    return f"管理员为 {len(ACCOUNTS)} 人开通账号(新开 {fresh} 个), 每人按角色与辖区授权, 首次登录改了口令"


async def _open_account(story: DemoRun, who: str, name: str, role: str, regions: tuple[str, ...]) -> bool:
    account = {
        "id": f"zeku.{who}",
        "name": name,
        "organisation": "泽库县",
        "region": COUNTY,
        "password": FIRST_PASSWORD,
        "grants": [{"role": role, "region": region, "valid_from": "2020-01-01"} for region in regions],
    }
    person = story.as_user(who)
    try:
        await story.admin.post("/users", account, key=str(new_id()))
    except RequestRefused as refused:
        if refused.status != HTTP_CONFLICT:
            raise
        if await _has_own_password(person):
            return False
    newcomer = DemoUser(story.http, person.user, FIRST_PASSWORD)
    await newcomer.post("/auth/password", {"old": FIRST_PASSWORD, "new": USER_PASSWORD})
    return True


async def _has_own_password(person: DemoUser) -> bool:
    """Whether the account has its own password already; one that was opened just before the power went has not."""
    try:
        await person.sign_in()
    except RequestRefused:
        return False
    return True


STEPS = (Step("导入区划", load_regions), Step("开通账号", open_accounts))
