"""All tables of the projects service, for migrations."""

from services.projects.alerts import models as alerts
from services.projects.attachments import models as attachments
from services.projects.base import Base
from services.projects.changes import models as changes
from services.projects.commitments import models as commitments
from services.projects.evaluations import models as evaluations
from services.projects.imports import models as imports
from services.projects.milestones import models as milestones
from services.projects.person_requests import models as person_requests
from services.projects.progress import models as progress
from services.projects.projects import models as projects
from services.projects.quantities import models as quantities
from services.projects.screening import models as screening
from services.projects.summary import models as summary

__all__ = [
    "Base",
    "alerts",
    "attachments",
    "changes",
    "commitments",
    "evaluations",
    "imports",
    "milestones",
    "person_requests",
    "progress",
    "projects",
    "quantities",
    "screening",
    "summary",
]
