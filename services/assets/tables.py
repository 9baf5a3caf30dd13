"""Every table of the assets service, for its migrations."""

from services.assets.alerts import models as alerts
from services.assets.base import Base
from services.assets.book import models as book
from services.assets.campaigns import models as campaigns
from services.assets.contracts import models as contracts
from services.assets.disposals import models as disposals
from services.assets.distributions import models as distributions
from services.assets.inspections import models as inspections
from services.assets.keeping import models as keeping
from services.assets.register import models as register
from services.assets.repairs import models as repairs
from services.assets.reshaping import models as reshaping
from services.assets.revivals import models as revivals
from services.assets.totals import models as totals
from services.assets.transfers import models as transfers
from services.assets.visits import models as visits

__all__ = [
    "Base",
    "alerts",
    "book",
    "campaigns",
    "contracts",
    "disposals",
    "distributions",
    "inspections",
    "keeping",
    "register",
    "repairs",
    "reshaping",
    "revivals",
    "totals",
    "transfers",
    "visits",
]
