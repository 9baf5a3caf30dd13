"""The sweep that makes alerts of what the warnings see."""

from services.projects.alerts import repository
from services.projects.alerts.models import ALERTS
from services.projects.changes import repository as changes
from services.projects.warnings.service import PREFIX, UNPUBLISHED
from services.projects.warnings.signs import SIGNS
from shared.alerts import sweep as alerts
from shared.alerts.hits import MOST, Hit, Look, Watch
from shared.alerts.schemas import Swept
from shared.work import Context


def _of(name: str) -> Watch:
    async def watch(look: Look) -> list[Hit]:
        rows = look.every(await repository.system_warned(look.work, name, look.rule.value))
        return [
            Hit(
                "project",
                str(row.id),
                row.region,
                f"{look.rule.title}: {row.name}",
                f"{SIGNS[name].detail}: 自 {row.since} 起 {(look.on - row.since).days} 天",
                figures={"起算": str(row.since), "天数": str((look.on - row.since).days)},
                rows=[{"label": row.name, "address": f"/api/v1/projects/{row.id}"}],
            )
            for row in rows
        ]

    return watch


async def _unpublished(look: Look) -> list[Hit]:
    """Changes decided and not on notice by their day."""
    rows = look.every(await changes.system_unpublished(look.work, MOST))
    return [
        Hit(
            "change",
            str(row.id),
            row.region,
            f"{look.rule.title}: {row.project_name}",
            f"变更 {row.approved_on} 审定, 应于 {row.republish_by} 前公示, 至今没有公示",
            figures={"审定": str(row.approved_on), "公示期限": str(row.republish_by)},
            rows=[{"label": row.project_name, "address": f"/api/v1/projects/changes/{row.id}"}],
            project_id=row.project_id,
        )
        for row in rows
    ]


WATCHES: dict[str, Watch] = {**{name: _of(name) for name in SIGNS}, UNPUBLISHED: _unpublished}


async def sweep(context: Context) -> Swept:
    """Let every warning in force look at the library now."""
    return await alerts.sweep(context, ALERTS, PREFIX, WATCHES)
