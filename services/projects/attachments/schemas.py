"""Document kinds (附件类别), request and response schemas of attachments."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import LabelledEnum
from shared.request_body import RequestBody


class DocumentKind(LabelledEnum):
    """附件类别."""

    MINUTES = "minutes", "村民(代表)会议记录"
    BENEFICIARIES = "beneficiaries", "受益户名单"
    DESIGN = "design", "设计资料"
    LAND = "land", "用地手续"
    ENVIRONMENT = "environment", "环评手续"
    BUDGET = "budget", "投资概算"
    DECISION = "decision", "审定文件"
    IMPLEMENTATION_PLAN = "implementation_plan", "实施方案"
    PROCUREMENT = "procurement", "招标采购资料"
    CONTRACT = "contract", "合同"
    CHANGE = "change", "变更资料"
    COMPLETION = "completion", "竣工资料"
    ACCEPTANCE = "acceptance", "验收报告"
    SETTLEMENT = "settlement", "结算审计"
    EVALUATION = "evaluation", "绩效自评"
    PHOTO = "photo", "照片"
    OTHER = "other", "其他"


class AttachmentCreate(RequestBody):
    """添加附件. The file must have been uploaded to /projects/files first."""

    id: UUID | None = None
    kind: DocumentKind
    file_id: UUID
    title: str = Field("", max_length=300)
    document_no: str = Field("", max_length=100, description="文号")
    dated_on: date | None = Field(None, description="文件日期")


class AttachmentRemove(RequestBody):
    """撤下附件."""

    reason: str = Field(min_length=2, max_length=500)


class AttachmentRead(BaseModel):
    """附件."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    kind: DocumentKind
    kind_label: str = ""
    file_id: str
    title: str
    document_no: str
    dated_on: date | None
    added_at: datetime
    added_by: str
    removed_at: datetime | None
    removed_reason: str
