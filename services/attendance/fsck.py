"""What the event log of attendance proves."""

from services.attendance.tables import Base
from shared.db import ProvedTables
from shared.events.fsck import Fsck

COARSENED = "positions are made coarse after a set time; the event of each row is sealed"
MADE_AGAIN = "made again from check-ins, leave and duties"
TRANSPORT = "tells of transport, not of presence"

FSCK = Fsck(
    Base.metadata,
    ProvedTables(
        unproved={
            "check_in": COARSENED,
            "visit": COARSENED,
            "attendance_day": MADE_AGAIN,
            "recount": MADE_AGAIN,
            "device": TRANSPORT,
            "punch": TRANSPORT,
            "import_run": TRANSPORT,
            "pull_channel": TRANSPORT,
            "personal_message": TRANSPORT,
        }
    ),
)
"""Leave, duties, posts, teams, month sheets and reviews are proved; the bulk of check-ins is not."""
