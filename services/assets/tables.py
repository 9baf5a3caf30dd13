"""Every table of the assets service, for its migrations."""

from services.assets.alerts import models as alerts
from services.assets.amendments import models as amendments
from services.assets.base import Base
from services.assets.book import models as book
from services.assets.campaigns import models as campaigns
from services.assets.contracts import models as contracts
from services.assets.custody import models as custody
from services.assets.deposits import models as deposits
from services.assets.disposals import models as disposals
from services.assets.distributions import models as distributions
from services.assets.imports import models as imports
from services.assets.person_requests import models as person_requests
from services.assets.pledges import models as pledges
from services.assets.register import models as register
from services.assets.repairs import models as repairs
from services.assets.split_merge import models as split_merge
from services.assets.summary import models as summary
from services.assets.transfers import models as transfers

__all__ = [
    "Base",
    "alerts",
    "amendments",
    "book",
    "campaigns",
    "contracts",
    "custody",
    "deposits",
    "disposals",
    "distributions",
    "imports",
    "person_requests",
    "pledges",
    "register",
    "repairs",
    "split_merge",
    "summary",
    "transfers",
]
