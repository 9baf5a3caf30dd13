"""Imports every table of the households service, for its migrations."""

from services.households.alerts import models as alerts
from services.households.base import Base
from services.households.clues import models as clues
from services.households.households import models as households
from services.households.imports import models as imports
from services.households.jobs import models as jobs
from services.households.loans import models as loans
from services.households.measures import models as measures
from services.households.person_requests import models as person_requests

__all__ = ["Base", "alerts", "clues", "households", "imports", "jobs", "loans", "measures", "person_requests"]
