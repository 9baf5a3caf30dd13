"""What the event log of sync proves: nothing of its own, which are copies of requests for some days."""

from services.sync.tables import Base
from shared.db import ProvedTables
from shared.events.fsck import Fsck

COPY = "requests of phones, kept for some days; their effects are proved where they were made"

CURSORS = "where a phone stands; without it the phone reads everything again"

FSCK = Fsck(
    Base.metadata, ProvedTables(unproved={"sync_batch": COPY, "sync_item": COPY, "sync_pull": CURSORS})
)
