"""Step one: import the county's regions and open the accounts."""

from operations.demo.fixtures import COUNTY, DEPARTMENT, HERI, REGION_FILE, WANGJIA, XIBUSHA, YEJINMU
from operations.demo.runner import FIRST_PASSWORD, USER_PASSWORD, DemoRun, DemoStep
from operations.demo.users import HTTP_CONFLICT, DemoUser, RequestRefused
from shared.db import new_id

TOWN_REGIONS = (XIBUSHA, HERI, WANGJIA, COUNTY)
# fmt: off
ACCOUNTS = (
    # user       name           role             regions
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


async def load_regions(demo: DemoRun) -> str:
    """Import the region file of 632323 as administrator; a repeated import changes nothing."""
    result = await demo.admin.upload("/regions/imports", REGION_FILE.read_bytes(), "text/csv")
    count = result["added"] + result["changed"] + result["unchanged"]
    return f"管理员导入泽库县(632323)区划文件: {count} 个区划, 新增 {result['added']} 个"


async def open_accounts(demo: DemoRun) -> str:
    """Create an account for every demo user, who then changes the initial password."""
    created, department = 0, await _register_department(demo)
    for user, name, role, regions in ACCOUNTS:
        organisation = {"organisation_id": department} if role == "line_bureau" else {}
        created += await _open_account(demo, user, name, role, regions, **organisation)
    return f"管理员为 {len(ACCOUNTS)} 人开通账号(新开 {created} 个), 每人按角色与辖区授权, 首次登录改了口令"


async def _register_department(demo: DemoRun) -> str:
    """The id of the department that answers for the projects; registered once."""
    known = await demo.admin.get("/organisations", region=COUNTY, q=DEPARTMENT)
    if known["items"]:
        return str(known["items"][0]["id"])
    body = {"name": DEPARTMENT, "region": COUNTY, "kind": "bureau"}
    return str((await demo.admin.post("/organisations", body))["id"])


async def _open_account(
    demo: DemoRun, user: str, name: str, role: str, regions: tuple[str, ...], **organisation: str
) -> bool:
    account = {
        **organisation,
        "id": f"zeku.{user}",
        "name": name,
        "region": COUNTY,
        "password": FIRST_PASSWORD,
        "grants": [{"role": role, "region": region, "valid_from": "2020-01-01"} for region in regions],
    }
    person = demo.as_user(user)
    try:
        await demo.admin.post("/users", account, key=str(new_id()))
    except RequestRefused as refusal:
        if refusal.status != HTTP_CONFLICT:
            raise
        if await _has_own_password(person):
            return False
    new_user = DemoUser(demo.http, person.user, FIRST_PASSWORD)
    await new_user.post("/auth/password", {"old": FIRST_PASSWORD, "new": USER_PASSWORD})
    return True


async def _has_own_password(person: DemoUser) -> bool:
    """Whether the initial password was already changed; a run interrupted after the creation leaves it unchanged."""
    try:
        await person.sign_in()
    except RequestRefused:
        return False
    return True


STEPS = (DemoStep("导入区划", load_regions), DemoStep("开通账号", open_accounts))
