"""All tables of the attendance service, imported so that Alembic sees them."""

from services.attendance.base import Base
from services.attendance.check_ins import models as check_ins
from services.attendance.complaints import models as complaints
from services.attendance.days import models as days
from services.attendance.duties import models as duties
from services.attendance.entitlements import models as entitlements
from services.attendance.errands import models as errands
from services.attendance.groups import models as groups
from services.attendance.imports import models as imports
from services.attendance.leaves import models as leaves
from services.attendance.make_ups import models as make_ups
from services.attendance.messages import models as messages
from services.attendance.months import models as months
from services.attendance.person_requests import models as person_requests
from services.attendance.posts import models as posts
from services.attendance.reviews import models as reviews
from services.attendance.spot_checks import models as spot_checks
from services.attendance.table_imports import models as table_imports
from services.attendance.teams import models as teams
from services.attendance.visits import models as visits

__all__ = [
    "Base",
    "check_ins",
    "complaints",
    "days",
    "duties",
    "entitlements",
    "errands",
    "groups",
    "imports",
    "leaves",
    "make_ups",
    "messages",
    "months",
    "person_requests",
    "posts",
    "reviews",
    "spot_checks",
    "table_imports",
    "teams",
    "visits",
]
