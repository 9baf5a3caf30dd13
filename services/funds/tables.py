"""Tables of the funds service, for its migrations."""

from services.funds.alerts import models as alerts
from services.funds.allocations import models as allocations
from services.funds.base import Base
from services.funds.commitments import models as commitments
from services.funds.contracts import models as contracts
from services.funds.earmarks import models as earmarks
from services.funds.exchange import models as exchange
from services.funds.imports import models as imports
from services.funds.ledger import models as ledger
from services.funds.payments import models as payments
from services.funds.person_requests import models as person_requests
from services.funds.plans import models as plans
from services.funds.sources import models as sources
from services.funds.statements import models as statements
from services.funds.targets import models as targets
from services.funds.vouchers import models as vouchers
from services.funds.years import models as years

__all__ = [
    "Base",
    "alerts",
    "allocations",
    "commitments",
    "contracts",
    "earmarks",
    "exchange",
    "imports",
    "ledger",
    "payments",
    "person_requests",
    "plans",
    "sources",
    "statements",
    "targets",
    "vouchers",
    "years",
]
