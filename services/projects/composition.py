"""What projects adds to the overview and to threads."""

from shared.clients.composition import ALERTS_PAGE, LINK, Composition, Figure, StepSpec, ThreadPage

COMPOSITION = Composition(
    figures=(
        Figure(rank=20, key="projects", path=("sum", "count"), label="项目", unit="个"),
        Figure(rank=21, key="investment", path=("sum", "total"), label="项目总投资", unit="元"),
        Figure(rank=22, key="settled", path=("sum", "settled"), label="审定结算", unit="元"),
        Figure(rank=23, key="blocked", path=("sum", "blocked"), label="筛查未通过", unit="个"),
        Figure(
            rank=60,
            key="project_alerts",
            path=("undone",),
            label="项目预警未销号",
            unit="条",
            page=ALERTS_PAGE,
        ),
        Figure(
            rank=61,
            key="project_alerts_late",
            path=("overdue",),
            label="项目预警逾期",
            unit="条",
            page=ALERTS_PAGE,
        ),
    ),
    thread_kinds={"project": "项目"},
    thread_pages=(
        ThreadPage(address="/projects/{project_id}", by=LINK, lists={"projects": ""}),
        ThreadPage(address="/projects/{project_id}/notices", by=LINK, lists={"notices": ""}),
        ThreadPage(address="/projects/{project_id}/progress", by=LINK, lists={"progress": "items"}, limit=50),
    ),
    thread_steps=(
        StepSpec(
            rank=4,
            list_name="projects",
            label="项目",
            address="/projects/{id}",
            text_fields=("library_code", "name"),
            amount_field="total",
            day_fields=("state_since",),
        ),
        StepSpec(
            rank=5,
            list_name="notices",
            label="公示",
            address="/projects/notices/{id}",
            text_fields=("title",),
            day_fields=("starts_on",),
        ),
        StepSpec(
            rank=7,
            list_name="progress",
            label="形象进度",
            address="/projects/{project_id}/progress",
            text_fields=("physical_percent", "problems"),
            day_fields=("reported_on",),
        ),
    ),
)
