"""Imports every table of the rectification service, for its migrations."""

from services.rectification.alerts import models as alerts
from services.rectification.base import Base
from services.rectification.imports import models as imports
from services.rectification.items import models as items
from services.rectification.person_requests import models as person_requests

__all__ = ["Base", "alerts", "imports", "items", "person_requests"]
