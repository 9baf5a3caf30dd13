"""Projects: the library of what may be built, from a village's wish to the closed file."""

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.projects.alerts.router import router as alerts
from services.projects.alerts.service import sweep
from services.projects.attachments.router import router as attachments
from services.projects.batches.router import router as batches
from services.projects.categories.router import router as categories
from services.projects.changes.router import notices as change_notices
from services.projects.changes.router import router as changes
from services.projects.clearing.router import router as clearing
from services.projects.commitments.router import router as commitments
from services.projects.consumers import HANDLERS
from services.projects.evaluations.router import router as evaluations
from services.projects.evaluations.sheet import Sheet
from services.projects.exchange.router import router as exchange
from services.projects.imports.router import router as imports
from services.projects.imports.service import advance as go_on_importing
from services.projects.inbox.router import router as inbox
from services.projects.library import public
from services.projects.library.router import router as library
from services.projects.milestones.router import router as milestones
from services.projects.packages.router import router as packages
from services.projects.progress.router import router as progress
from services.projects.rescreening.router import router as rescreening
from services.projects.rescreening.service import advance as go_on_screening
from services.projects.rulesets.router import router as rulesets
from services.projects.rulesets.service import remember_built_in
from services.projects.screening.router import router as screening
from services.projects.summary.router import router as summary
from services.projects.targets.router import router as targets
from services.projects.totals.service import fold
from services.projects.warnings.router import router as warnings
from shared import clock
from shared.alerts.sweep import EVERY_S
from shared.app import Service, build
from shared.notices.router import of_record, of_service
from shared.permissions import May
from shared.rounds import forever
from shared.settings import Settings

READ, POST, OBJECT = May.PROJECT_READ, May.PROJECT_NOTICE, May.PROJECT_OBJECT
SERVICE = Service(
    name="projects",
    title="项目库",
    read=READ,
    routers=(
        categories,
        screening,
        rulesets,
        rescreening,
        clearing,
        exchange,
        imports,
        summary,
        inbox,
        warnings,
        alerts,
        targets,
        evaluations,
        batches,
        change_notices,
        changes,
        milestones,
        packages,
        of_service("/projects", read=READ, post=POST, objecting=OBJECT),
        of_record("/projects", load=public.load, read=READ, post=POST),
        attachments,
        commitments,
        progress,
        library,
    ),
    handlers=HANDLERS,
    background=(
        forever("rescreening", go_on_screening, 5),
        forever("imports", go_on_importing, 2),
        forever("totals", fold, 5),
        forever("alerts", sweep, EVERY_S),
    ),
    start=remember_built_in,
    rule_shapes={"evaluation.sheet": Sheet},
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """The projects service."""
    return build(SERVICE, settings, apps=apps, now=now)
