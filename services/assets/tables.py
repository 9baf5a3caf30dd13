"""Every table of the assets service, for its migrations."""

from services.assets.base import Base
from services.assets.inspections import models as inspections
from services.assets.register import models as register

__all__ = ["Base", "inspections", "register"]
