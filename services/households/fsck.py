"""What the event log of households proves: every clue, household, measure, loan, job, alert and request about personal data."""

from services.households.tables import Base
from shared.events.fsck import Fsck

FSCK = Fsck(Base.metadata)
