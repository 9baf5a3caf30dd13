"""Imports every table of the workplan service, for its migrations."""

from services.workplan.alerts import models as alerts
from services.workplan.base import Base
from services.workplan.plans import models as plans
from services.workplan.targets import models as targets

__all__ = ["Base", "alerts", "plans", "targets"]
