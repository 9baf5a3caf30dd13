"""Answers of the import of accounts."""

from pydantic import BaseModel, Field

from services.identity.accounts.schemas import AccountId
from shared.china import LabelledEnum
from shared.request_body import RequestBody


class ImportedAccountResult(LabelledEnum):
    """一行账号的结果."""

    NEW = "new", "新开通"
    KNOWN = "known", "已有账号"
    WRONG = "wrong", "有误"


class ImportedAccount(BaseModel):
    """表中的一行: the account, or what is wrong with it."""

    row: int = Field(description="表中的行号")
    id: str = Field("", description="用户名")
    name: str = ""
    role: str = ""
    region: str = ""
    place: str = Field("", description="辖区名称")
    result: ImportedAccountResult
    password: str = Field("", description="首次口令, 只在开通时显示这一次")
    faults: list[str] = []


class AccountImportRead(BaseModel):
    """账号导入结果."""

    dry_run: bool
    created: int
    known: int
    wrong: int
    accounts: list[ImportedAccount]
    ignored: list[str] = Field([], description="没有读取的列")


class SlipsRequest(RequestBody):
    """重发口令条: only for accounts that never changed their first password."""

    accounts: list[AccountId] = Field(min_length=1, max_length=300)
