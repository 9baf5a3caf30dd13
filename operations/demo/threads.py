"""Step seven: read the thread of funds, the overview, and the public notices without sign-in."""

import contextlib
from typing import Any

import httpx

from operations.demo.fixtures import COUNTY, get_batch, list_projects
from operations.demo.funds import PLAN_ID, PLAN_PATH
from operations.demo.runner import DemoRun, DemoStep
from operations.demo.users import derive_id


async def get_complete_page(demo: DemoRun, user: str, path: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - any query
    """Read a composed page repeatedly until no service is missing."""
    pages: list[dict[str, Any]] = []

    async def is_complete() -> bool:
        pages.append(await demo.as_user(user).get(path, **params))
        return not pages[-1]["missing"]

    await demo.wait_until(is_complete, path)
    return pages[-1]


async def show_thread(demo: DemoRun) -> str:
    """Read the whole thread from the fund document to the inspection in one request."""
    thread = await get_complete_page(demo, "auditor", f"/threads/project/{derive_id('fodder')}")
    document_no = thread["sources"][0]["document_no"]
    if document_no != get_batch().document_no or not thread["inspections"] or not thread["payments"]:
        raise AssertionError("链条不完整")
    return (
        f"审计一次读出全链条 {len(thread['steps'])} 步: {document_no} → 已付 {thread['figures']['paid']} 元"
        f" → {len(thread['assets'])} 项资产 → {len(thread['inspections'])} 次巡查"
    )


async def show_overview(demo: DemoRun) -> str:
    """Read the overview of the county for one year."""
    overview = await get_complete_page(demo, "leader", "/overview", region=COUNTY, year=2023)
    figures = overview["funds"]["figures"]
    return f"县领导看总览: 到位 {figures['received']} 元, 已下达 {figures['allocated']} 元, 已支付 {figures['paid']} 元"


async def show_public_notices(demo: DemoRun) -> str:
    """Read the plan's notice without sign-in; its table must equal the announcement and the published table."""
    pages: list[dict[str, Any]] = []

    async def is_complete() -> bool:
        with contextlib.suppress(httpx.TransportError):
            answer = await demo.http.get("/api/v1/public/notices", params={"region": COUNTY, "kind": "plan"})
            if answer.is_success:
                pages.append(answer.json())
                return not pages[-1]["missing"]
        return False

    await demo.wait_until(is_complete, "公示栏")
    (notice,) = [row for row in pages[-1]["items"] if row["subject"] == PLAN_ID]
    announcement: dict[str, Any] = await demo.as_user("bureau").get(f"{PLAN_PATH}/announcement")
    if notice["content"] != announcement["content"]:
        raise AssertionError("公示与公告不一致")
    published = [(project.name, project.amount) for project in list_projects()]
    if [(line["name"], line["amount"]) for line in notice["content"]["lines"]] != published:
        raise AssertionError("公示表与当年公布的不一致")
    return f"免登录读到公示: {len(published)} 行合计 {notice['content']['total_wan']} 万元, 与公告及当年公布的表格一致"


STEPS = (
    DemoStep("全链条", show_thread),
    DemoStep("总览", show_overview),
    DemoStep("公示栏", show_public_notices),
)
