"""What the event log of identity proves: who has which account and which rights."""

from services.identity.tables import Base
from shared.db import ProvedTables
from shared.events.fsck import Fsck

SHORT_LIVED = "lives for minutes or days"

FSCK = Fsck(
    Base.metadata,
    ProvedTables(
        unproved={
            "session": SHORT_LIVED,
            "refresh_token": SHORT_LIVED,
            "rate_window": SHORT_LIVED,
            "sign_in_count": SHORT_LIVED,
            "used_id_token": SHORT_LIVED,
            "recovery_code": "codes are used up and made anew",
            "second_factor": "its last use is written with every sign-in; its changes are events",
            "passkey": "its last use is written with every sign-in; its changes are events",
            "passkey_challenge": SHORT_LIVED,
            "former_password": "hashes of passwords that are no longer valid",
            "issuer_binding": "its changes are events",
            "region": "the published list, loaded as it is",
            "signing_key": "rotated with events",
        },
        stated={"grant": ("account_id", "role", "region", "valid_from", "valid_to")},
    ),
)
