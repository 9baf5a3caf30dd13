"""The columns of a 一卡通 list as it is uploaded, and as the bank gets it."""

from shared.identifiers import account, person_number
from shared.sheets import TEXT, YUAN, Column, Limits

LIMITS = Limits(size=8 * 1024 * 1024, rows=10_000)

COLUMNS = (
    Column("name", "姓名", aliases=("户主姓名", "户主", "领款人"), required=True),
    Column(
        "card",
        "身份证号",
        aliases=("身份证号码", "公民身份号码", "证件号码"),
        required=True,
        reader=lambda cell: person_number(TEXT.read(cell)),
    ),
    Column(
        "account",
        "一卡通账号",
        aliases=("银行账号", "卡号", "账号", "银行卡号"),
        required=True,
        reader=lambda cell: account(TEXT.read(cell)),
    ),
    Column("bank", "开户行", aliases=("开户银行",)),
    Column("place", "村组", aliases=("所在村", "住址", "村")),
    Column(
        "amount",
        "金额(元)",
        YUAN,
        aliases=("补贴金额(元)", "发放金额(元)", "金额", "补贴金额"),
        required=True,
    ),
)
BANK_COLUMNS = (Column("position", "序号"), *COLUMNS)
