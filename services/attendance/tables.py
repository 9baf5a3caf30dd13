"""Every table of the attendance service, for its migrations."""

from services.attendance.base import Base
from services.attendance.channels import models as channels
from services.attendance.check_ins import models as check_ins
from services.attendance.complaints import models as complaints
from services.attendance.days import models as days
from services.attendance.deeds import models as deeds
from services.attendance.devices import models as devices
from services.attendance.duties import models as duties
from services.attendance.errands import models as errands
from services.attendance.imports import models as imports
from services.attendance.leaves import models as leaves
from services.attendance.make_ups import models as make_ups
from services.attendance.messages import models as messages
from services.attendance.months import models as months
from services.attendance.posts import models as posts
from services.attendance.recounts import models as recounts
from services.attendance.reviews import models as reviews
from services.attendance.spot_checks import models as spot_checks
from services.attendance.swaps import models as swaps
from services.attendance.teams import models as teams
from services.attendance.visits import models as visits

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
    "imports",
    "leaves",
    "make_ups",
    "messages",
    "months",
    "posts",
    "recounts",
    "reviews",
    "spot_checks",
    "swaps",
    "teams",
    "visits",
]
