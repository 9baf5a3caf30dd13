"""What the event log of households proves: every clue, household, measure, loan, job and alert."""

from services.households.tables import Base
from shared.events.fsck import Fsck

FSCK = Fsck(Base.metadata)
