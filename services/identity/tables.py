"""Imports every table of the identity service, for its migrations."""

from services.identity.accounts import models as accounts
from services.identity.base import Base
from services.identity.device_keys import models as device_keys
from services.identity.handovers import models as handovers
from services.identity.issuers import models as issuers
from services.identity.keys import models as keys
from services.identity.lock_outs import models as lock_outs
from services.identity.organisations import models as organisations
from services.identity.passkeys import models as passkeys
from services.identity.person_requests import models as person_requests
from services.identity.rate_windows import models as rate_windows
from services.identity.regions import models as regions
from services.identity.rule_proposals import models as rule_proposals
from services.identity.second_factors import models as second_factors
from services.identity.sessions import models as sessions

__all__ = [
    "Base",
    "accounts",
    "device_keys",
    "handovers",
    "issuers",
    "keys",
    "lock_outs",
    "organisations",
    "passkeys",
    "person_requests",
    "rate_windows",
    "regions",
    "rule_proposals",
    "second_factors",
    "sessions",
]
