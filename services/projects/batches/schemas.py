"""What goes in and out about batches."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.projects.library.schemas import ProjectAct, Year
from services.projects.library.states import State
from shared.errors import FaultRead

MOST = 200
BatchAction = Literal[
    "declare",
    "forward",
    "submit",
    "recall",
    "endorse",
    "appraise",
    "approve",
    "admit",
    "return",
    "plan",
    "withdraw",
]


class BatchWrite(BaseModel):
    """批量办理. Each project stands for itself: those that may move do, the others say why not."""

    action: BatchAction
    ids: list[UUID] = Field(min_length=1, max_length=MOST)
    act: ProjectAct = ProjectAct()


class RollOver(BaseModel):
    """滚动纳入下一年度: projects in reserve that were not funded and are still needed."""

    ids: list[UUID] = Field(min_length=1, max_length=MOST)
    year: Year = Field(description="纳入的年度")
    decision_no: str = Field(min_length=2, max_length=100, description="审定文件文号")
    reason: str = Field("", max_length=2000)


class Verdict(BaseModel):
    """一个项目的办理结果."""

    id: UUID
    name: str = ""
    done: bool
    state: State | None = Field(None, description="办理后的状态")
    problem: str = Field("", description="错误类型; 空为成功")
    detail: str = ""
    errors: list[FaultRead] = []


class BatchRead(BaseModel):
    """批量办理结果, in the order asked."""

    dry_run: bool
    done: int
    refused: int
    items: list[Verdict]
