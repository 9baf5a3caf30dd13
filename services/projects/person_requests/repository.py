"""Where this service keeps personal values of people without an account: who is responsible for a project, with the phone."""

import sqlalchemy as sa
from sqlmodel import col

from services.projects.projects.lifecycle import State
from services.projects.projects.models import Project
from shared.person_requests.models import ERASED_WORDS, PersonalRows

UNDER_WAY_WORDS = "项目还没有办结, 处理目的未实现(个人信息保护法第十三条第三项)"
ENDED = (State.CLOSED, State.WITHDRAWN, State.TERMINATED)

PERSONAL_ROWS = (
    PersonalRows(
        model=Project,
        label="项目责任人",
        find=lambda _work, subject: col(Project.leader_name) == subject.name,
        certain=lambda _work, subject: sa.literal(subject.is_of_village),
        phone="leader_phone",
        opens=("leader_phone",),
        shows=("name", "managing_unit", "leader_name", "state"),
        empties={"leader_name": ERASED_WORDS, "leader_phone_sealed": "", "leader_phone": ""},
        kept={UNDER_WAY_WORDS: lambda _work: col(Project.state).not_in(ENDED)},
    ),
)
