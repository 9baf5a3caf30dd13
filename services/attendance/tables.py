"""Every table of the attendance service, for its migrations."""

from services.attendance.base import Base
from services.attendance.check_ins import models as check_ins
from services.attendance.deeds import models as deeds
from services.attendance.posts import models as posts
from services.attendance.teams import models as teams
from services.attendance.visits import models as visits

__all__ = ["Base", "check_ins", "deeds", "posts", "teams", "visits"]
