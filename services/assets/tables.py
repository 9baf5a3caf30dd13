"""Every table of the assets service, for its migrations."""

from services.assets.base import Base
from services.assets.inspections import models as inspections
from services.assets.register import models as register
from services.assets.reshaping import models as reshaping
from services.assets.transfers import models as transfers

__all__ = ["Base", "inspections", "register", "reshaping", "transfers"]
