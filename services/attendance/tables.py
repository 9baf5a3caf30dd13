"""Every table of the attendance service, for its migrations."""

from services.attendance.base import Base
from services.attendance.check_ins import models as check_ins
from services.attendance.complaints import models as complaints
from services.attendance.days import models as days
from services.attendance.duties import models as duties
from services.attendance.errands import models as errands
from services.attendance.imports import models as channels
from services.attendance.leaves import models as leaves
from services.attendance.make_ups import models as make_ups
from services.attendance.messages import models as messages
from services.attendance.months import models as months
from services.attendance.posts import models as devices
from services.attendance.reviews import models as reviews
from services.attendance.spot_checks import models as spot_checks
from services.attendance.teams import models as teams
from services.attendance.visits import models as deeds

__all__ = [
    "Base",
    "channels",
    "check_ins",
    "complaints",
    "days",
    "deeds",
    "devices",
    "duties",
    "errands",
    "leaves",
    "make_ups",
    "messages",
    "months",
    "reviews",
    "spot_checks",
    "teams",
]
