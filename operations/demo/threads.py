"""Step seven: the chain from document number to inspection, the leader's page, the notice board without login."""

import contextlib
from typing import Any

import httpx

from operations.demo.fixtures import COUNTY, get_batch, list_projects
from operations.demo.funds import PLAN_ID, PLAN_PATH
from operations.demo.runner import DemoRun, Step
from operations.demo.users import derive_id


async def get_complete_page(story: DemoRun, who: str, path: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - any query
    """A page that is read from several services, once none of them is missing."""
    pages: list[dict[str, Any]] = []

    async def complete() -> bool:
        pages.append(await story.as_user(who).get(path, **params))
        return not pages[-1]["missing"]

    await story.wait_until(complete, path)
    return pages[-1]


async def show_thread(story: DemoRun) -> str:
    """From the document number to the inspection, in one call."""
    found = await get_complete_page(story, "auditor", f"/threads/project/{derive_id('fodder')}")
    document_no = found["sources"][0]["document_no"]
    if document_no != get_batch().document_no or not found["inspections"] or not found["payments"]:
        raise AssertionError("链条不完整")
    return (
        f"审计一次读出全链条 {len(found['steps'])} 步: {document_no} → 已付 {found['figures']['paid']} 元"
        f" → {len(found['assets'])} 项资产 → {len(found['inspections'])} 次巡查"
    )


async def show_overview(story: DemoRun) -> str:
    """A county's year on one page."""
    found = await get_complete_page(story, "leader", "/overview", region=COUNTY, year=2023)
    figures = found["funds"]["figures"]
    return f"县领导看总览: 到位 {figures['received']} 元, 已下达 {figures['allocated']} 元, 已支付 {figures['paid']} 元"


async def show_public_notices(story: DemoRun) -> str:
    """Anybody reads the notice; its table equals the announcement."""
    boards: list[dict[str, Any]] = []

    async def complete() -> bool:
        with contextlib.suppress(httpx.TransportError):
            answer = await story.http.get("/api/v1/public/notices", params={"region": COUNTY, "kind": "plan"})
            if answer.is_success:
                boards.append(answer.json())
                return not boards[-1]["missing"]
        return False

    await story.wait_until(complete, "公示栏")
    (shown,) = [one for one in boards[-1]["items"] if one["subject"] == PLAN_ID]
    announced: dict[str, Any] = await story.as_user("bureau").get(f"{PLAN_PATH}/announcement")
    if shown["content"] != announced["content"]:
        raise AssertionError("公示与公告不一致")
    published = [(one.name, one.amount) for one in list_projects()]
    if [(line["name"], line["amount"]) for line in shown["content"]["lines"]] != published:
        raise AssertionError("公示表与当年公布的不一致")
    return f"免登录读到公示: {len(published)} 行合计 {shown['content']['total_wan']} 万元, 与公告及当年公布的表格一致"


STEPS = (Step("全链条", show_thread), Step("总览", show_overview), Step("公示栏", show_public_notices))
