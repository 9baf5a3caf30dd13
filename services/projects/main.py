"""Projects service (项目库): application and background tasks."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.projects.alerts.detectors import DETECTORS
from services.projects.alerts.models import ALERTS
from services.projects.alerts.router import ALERT_KIND
from services.projects.alerts.router import router as alerts
from services.projects.alerts.router import warning_router as warnings
from services.projects.alerts.service import scan_alerts
from services.projects.attachments.router import router as attachments
from services.projects.categories.router import router as categories
from services.projects.categories.router import template_router as target_templates
from services.projects.categories.service import list_category_codes
from services.projects.changes.models import NOTICE_SUBJECT_KIND as CHANGE_NOTICE_KIND
from services.projects.changes.models import ChangeRequest
from services.projects.changes.router import CHANGE_KIND
from services.projects.changes.router import notice_router as change_notices
from services.projects.changes.router import router as changes
from services.projects.changes.service import NOTICE_LAYOUT as CHANGE_NOTICE_LAYOUT
from services.projects.commitments.router import router as commitments
from services.projects.composition import COMPOSITION
from services.projects.consumers import ACCOUNT_COPIES, HANDLERS
from services.projects.evaluations.router import EVALUATION_KIND
from services.projects.evaluations.router import router as evaluations
from services.projects.fsck import FSCK
from services.projects.imports.router import IMPORT_KIND
from services.projects.imports.router import export_router as exports
from services.projects.imports.router import router as imports
from services.projects.imports.service import run_next_batch as run_import_batch
from services.projects.inbox.router import router as inbox
from services.projects.milestones.router import router as milestones
from services.projects.person_requests.router import PERSON_REQUEST_KIND
from services.projects.person_requests.router import router as person_requests
from services.projects.policy import RULES
from services.projects.progress.router import PROGRESS_KIND
from services.projects.progress.router import router as progress
from services.projects.projects import document
from services.projects.projects.lifecycle import Action
from services.projects.projects.models import NOTICE_SUBJECT_KIND as PROJECT_NOTICE_KIND
from services.projects.projects.models import Project
from services.projects.projects.router import PROJECT_KIND
from services.projects.projects.router import batch_router as batches
from services.projects.projects.router import package_router as packages
from services.projects.projects.router import router as projects
from services.projects.projects.rules import list_statement_codes
from services.projects.quantities.router import router as quantities
from services.projects.quantities.service import list_unit_codes
from services.projects.schedules.router import router as schedules
from services.projects.screening.router import CLEARANCE_KIND, SCREENING_KIND
from services.projects.screening.router import project_screening_router as project_screening
from services.projects.screening.router import router as screening
from services.projects.screening_rules.router import RULE_SET_KIND, SCREENING_JOB_KIND
from services.projects.screening_rules.router import job_router as screening_jobs
from services.projects.screening_rules.router import router as screening_rules
from services.projects.screening_rules.service import run_next_batch as run_screening_batch
from services.projects.screening_rules.service import store_built_in_rules
from services.projects.summary.router import router as summary
from services.projects.summary.service import fold_totals
from shared import clock
from shared.alerts.deadlines import watch_deadlines
from shared.alerts.detection import list_detector_rules
from shared.alerts.follower import FOLLOW_INTERVAL_S, follow_log
from shared.alerts.scan import REST_FACTOR, SCAN_INTERVAL_S
from shared.app import Service, build_app, run_periodically
from shared.auth import May
from shared.notices.repository import SubjectAuthors
from shared.notices.router import notice_kind, record_notice_router, service_notice_router
from shared.person_requests.accounts import account_duties_router
from shared.settings import Settings

READ_PERMISSION, POST_PERMISSION, OBJECT_PERMISSION = May.PROJECT_READ, May.PROJECT_NOTICE, May.PROJECT_OBJECT
NOTICE_AUTHORS = {
    PROJECT_NOTICE_KIND: SubjectAuthors(Project, ("created_by", "declared_by")),
    CHANGE_NOTICE_KIND: SubjectAuthors(ChangeRequest, ("created_by",)),
}
"""Subject kind → who decides no objection to such a record, besides who published the notice."""
SERVICE = Service(
    name="projects",
    fsck=FSCK,
    title="项目库",
    read=READ_PERMISSION,
    composition=COMPOSITION,
    routers=(
        categories,
        screening,
        screening_rules,
        screening_jobs,
        project_screening,
        exports,
        imports,
        quantities,
        summary,
        inbox,
        warnings,
        alerts,
        target_templates,
        evaluations,
        batches,
        change_notices,
        changes,
        milestones,
        schedules,
        packages,
        service_notice_router(
            "/projects",
            read=READ_PERMISSION,
            post=POST_PERMISSION,
            objecting=OBJECT_PERMISSION,
            authors=NOTICE_AUTHORS,
            layouts={
                PROJECT_NOTICE_KIND: document.NOTICE_LAYOUT,
                CHANGE_NOTICE_KIND: CHANGE_NOTICE_LAYOUT,
            },
        ),
        record_notice_router(
            "/projects", load=document.load_notice_subject, read=READ_PERMISSION, post=POST_PERMISSION
        ),
        attachments,
        commitments,
        progress,
        person_requests,
        projects,
    ),
    kinds=(
        PROJECT_KIND,
        CHANGE_KIND,
        EVALUATION_KIND,
        ALERT_KIND,
        CLEARANCE_KIND,
        SCREENING_KIND,
        RULE_SET_KIND,
        SCREENING_JOB_KIND,
        IMPORT_KIND,
        PROGRESS_KIND,
        PERSON_REQUEST_KIND,
        notice_kind(
            "project_notice",
            "项目公示",
            "/projects",
            read=READ_PERMISSION,
            post=POST_PERMISSION,
            authors=NOTICE_AUTHORS,
        ),
    ),
    code_sets={
        "projects.categories": list_category_codes,
        "projects.units": list_unit_codes,
        "projects.statements.endorse": partial(list_statement_codes, Action.ENDORSE),
        "projects.statements.appraise": partial(list_statement_codes, Action.APPRAISE),
    },
    internal_routers=(account_duties_router(ACCOUNT_COPIES),),
    handlers=HANDLERS,
    background=(
        run_periodically("rescreening", run_screening_batch, 5, follows_writes=True),
        run_periodically("imports", run_import_batch, 2, follows_writes=True),
        run_periodically("totals", fold_totals, 5, follows_writes=True),
        run_periodically("alerts", partial(scan_alerts, rest=REST_FACTOR), SCAN_INTERVAL_S),
        run_periodically(
            "alerts after events", follow_log(ALERTS, DETECTORS), FOLLOW_INTERVAL_S, follows_writes=True
        ),
        watch_deadlines(ALERTS, DETECTORS),
    ),
    start=store_built_in_rules,
    rules=(*RULES, *list_detector_rules(DETECTORS)),
    rule_permission=May.PROJECT_RULE_MANAGE,
)


def create_app(
    settings: Settings | None = None,
    *,
    apps: Mapping[str, ASGIApp] | None = None,
    now: Callable[[], datetime] = clock.now,
) -> FastAPI:
    """Build the ASGI application of the projects service; tests pass their own clock and neighbours."""
    return build_app(SERVICE, settings, apps=apps, now=now)
