"""Validation of identification numbers: organisations, persons, phones, bank accounts.

    class PayeeCreate(BaseModel):
        credit_code: CreditCode            # " n262060205…" → "N262060205…"
        phone: Phone

`parse_…` functions return the number in its stored form or raise ValueError with one Chinese sentence. Sources:
GB 32100-2015 (统一社会信用代码), GB 11714 (组织机构代码), GB 11643-1999 (公民身份号码), ISO/IEC 7812-1.
"""

import re
import unicodedata
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.config import JsonDict

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
REGISTRATION_DEPARTMENTS = {
    "1": "机构编制",
    "2": "外交",
    "3": "司法行政",
    "4": "文化",
    "5": "民政",
    "6": "旅游",
    "7": "宗教",
    "8": "工会",
    "9": "工商",
    "A": "中央军委改革和编制办公室",
    "N": "农业",
    "Y": "其他",
}
COLLECTIVE_LEVELS = {"1": "组级集体经济组织", "2": "村级集体经济组织", "3": "乡镇级集体经济组织"}
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ID_CARD_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CARD_CHECK_DIGITS = "10X98765432"
MIN_BIRTH_DATE = date(1880, 1, 1)
DIGIT_TEN = 10
_DASHES = re.compile(r"[\s\u00ad\u200b-\u200f\u2010-\u2015\ufeff-]")
_CREDIT = re.compile(rf"[{CREDIT_ALPHABET}]{{2}}\d{{6}}[{CREDIT_ALPHABET}]{{10}}", re.ASCII)
_CARD = re.compile(r"[1-9]\d{16}[\dX]", re.ASCII)
_OLD_CARD = re.compile(r"[1-9]\d{14}", re.ASCII)
_DISABILITY = re.compile(r"[1-9]\d{16}[\dX]([1-7][1-4](B\d|\d{2})?)?", re.ASCII)
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_LANDLINE = re.compile(r"(010|02\d|0[3-9]\d{2})([2-9]\d{6,7})(?:(?:转|X|EXT\.?|#)(\d{1,6}))?", re.ASCII)
_SERVICE = re.compile(r"(?:1[0-2]\d{1,4}|9[56]\d{3,6}|[48]00\d{7})", re.ASCII)
_ACCOUNT = re.compile(r"\d{8,32}", re.ASCII)
_BANK_CARD = re.compile(r"\d{16,19}", re.ASCII)


def normalize_number(text: str) -> str:
    """The number in NFKC and upper case, without spaces and dashes."""
    return _DASHES.sub("", unicodedata.normalize("NFKC", text)).upper()


def parse_credit_code(text: str) -> str:
    """Parse a 统一社会信用代码 of any registration department, including the N… codes of village collectives."""
    code = normalize_number(text)
    if not _CREDIT.fullmatch(code):
        raise ValueError("统一社会信用代码须为18位, 由数字和大写字母组成 (不用 I、O、Z、S、V)")
    if code[0] not in REGISTRATION_DEPARTMENTS:
        raise ValueError(f"统一社会信用代码第1位不是登记管理部门: {code[0]}")
    if code[0] == "N" and code[1] not in {*COLLECTIVE_LEVELS, "9"}:
        raise ValueError(f"农业部门的统一社会信用代码第2位须为 1、2、3 或 9: {code[1]}")
    if credit_code_check_character(code) != code[-1]:
        raise ValueError("统一社会信用代码校验不符, 请逐位核对")
    return code


def credit_code_check_character(code: str) -> str:
    """The check character for the first 17 characters of a credit code (GB 32100-2015)."""
    pairs = zip(code, CREDIT_WEIGHTS, strict=False)
    return CREDIT_ALPHABET[-sum(CREDIT_ALPHABET.index(letter) * weight for letter, weight in pairs) % 31]


def is_organisation_code_valid(code: str) -> bool:
    """Whether characters 9 to 17 of a credit code pass the check of GB 11714.

    Only a hint: some registrars number differently, so a failure is no reason to refuse.
    """
    body, check = code[8:16], code[16]
    total = sum(
        ORGANISATION_ALPHABET.index(letter) * weight
        for letter, weight in zip(body, ORGANISATION_WEIGHTS, strict=True)
    )
    return "0123456789X0"[11 - total % 11 if total % 11 else 11] == check


def registrar_name(code: str) -> str:
    """Chinese name of the registrar of a valid credit code."""
    return COLLECTIVE_LEVELS.get(code[1], "农业") if code[0] == "N" else REGISTRATION_DEPARTMENTS[code[0]]


def parse_id_card(text: str, *, today: date | None = None) -> str:
    """Parse a 公民身份号码 with valid birth date and check character; 15 digits are extended to 18.

    The county code is not checked, because a number keeps the code valid when it was issued (622321, 622301). With
    `today` a birth date in the future is refused.
    """
    number = normalize_number(text)
    if _OLD_CARD.fullmatch(number):
        number = number[:6] + "19" + number[6:]
        number += id_card_check_character(number)
    if not _CARD.fullmatch(number):
        raise ValueError("身份证号须为18位, 末位可为 X")
    born_on = birth_date(number)
    if born_on < MIN_BIRTH_DATE or (today and born_on > today):
        raise ValueError(f"身份证号中的出生日期不合理: {born_on}")
    if id_card_check_character(number) != number[-1]:
        raise ValueError("身份证号校验不符, 请逐位核对")
    return number


def parse_person_number(text: str, *, today: date | None = None) -> str:
    """Parse an id card number, or a 残疾人证 number of 20 or 22 characters that begins with one."""
    number = normalize_number(text)
    if len(number) in {20, 22}:
        if not _DISABILITY.fullmatch(number):
            raise ValueError("残疾人证号须为身份证号加类别和等级, 共20位, 补办的为22位")
        return parse_id_card(number[:18], today=today) + number[18:]
    return parse_id_card(number, today=today)


def id_card_check_character(number: str) -> str:
    """The check character for the first 17 digits of an id card number (GB 11643-1999)."""
    return ID_CARD_CHECK_DIGITS[
        sum(int(digit) * weight for digit, weight in zip(number, ID_CARD_WEIGHTS, strict=False)) % 11
    ]


def birth_date(number: str) -> date:
    """The birth date in an id card number of 18 characters; ValueError when the date does not exist."""
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise ValueError(f"身份证号中没有这个出生日期: {number[6:14]}") from None


def is_male(number: str) -> bool:
    """Whether the 17th digit of an id card number is odd, which means male."""
    return int(number[16]) % 2 == 1


def parse_mobile(text: str) -> str:
    """Parse a mobile number of mainland China; a leading +86 is removed."""
    number = re.sub(r"^(\+|00)?86(?=1\d{10}$)", "", normalize_number(text))
    if not _MOBILE.fullmatch(number):
        raise ValueError("手机号须为11位, 以 13 至 19 开头")
    return number


def parse_phone(text: str) -> str:
    """Parse a mobile number, a landline with area code and optional extension (0935-2212345转8), or a hotline (12317)."""
    number = re.sub(r"[()/]", "", normalize_number(text))
    if landline := _LANDLINE.fullmatch(re.sub(r"^(\+|00)860?", "0", number)):
        area, subscriber, extension = landline.groups()
        return f"{area}-{subscriber}" + (f"转{extension}" if extension else "")
    if _SERVICE.fullmatch(number):
        return number
    try:
        return parse_mobile(number)
    except ValueError:
        raise ValueError("电话须为11位手机号, 或带区号的固定电话, 如 0935-2212345") from None


def parse_bank_account(text: str) -> str:
    """Parse a bank account number of 8 to 32 digits; a wrong check digit is only a `bank_card_warning`."""
    number = normalize_number(text)
    if not _ACCOUNT.fullmatch(number):
        raise ValueError("银行账号须为8至32位数字")
    return number


def bank_card_warning(number: str) -> str:
    """A Chinese warning when a number of card length fails the Luhn check, else an empty string.

    Old passbook accounts of rural credit cooperatives fail it too, so it must not be an error.
    """
    if not _BANK_CARD.fullmatch(number) or is_luhn_valid(number):
        return ""
    return "卡号校验位不符, 请与存折或银行卡核对"


def is_luhn_valid(number: str) -> bool:
    """Whether the last digit is the Luhn check digit (ISO/IEC 7812-1)."""
    total = 0
    for position, digit in enumerate(reversed(number)):
        doubled = int(digit) * 2 if position % 2 else int(digit)
        total += doubled - 9 if doubled >= DIGIT_TEN else doubled
    return total % 10 == 0


def _require_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("须为文本, 以免丢失开头的 0 和末尾的数字")  # noqa: TRY004 - refused input, not a bug
    return value


def _number_field(description: str, example: str, max_length: int = 64) -> object:
    extra: JsonDict = {"x-declared-number": True}
    return Field(description=description, examples=[example], max_length=max_length, json_schema_extra=extra)


CreditCode = Annotated[
    str,
    BeforeValidator(_require_text),
    _number_field("统一社会信用代码, 18位", "91110000600037341L"),
    AfterValidator(parse_credit_code),
]
IdCard = Annotated[
    str,
    BeforeValidator(_require_text),
    _number_field("公民身份号码, 18位; 15位的旧号码会补成18位", "62230119700101123X"),
    AfterValidator(parse_id_card),
]
PersonNumber = Annotated[
    str,
    BeforeValidator(_require_text),
    _number_field("身份证号 (18位) 或残疾人证号 (20或22位)", "62230119700101123X"),
    AfterValidator(parse_person_number),
]
Mobile = Annotated[
    str,
    BeforeValidator(_require_text),
    _number_field("手机号, 11位", "13893512345"),
    AfterValidator(parse_mobile),
]
Phone = Annotated[
    str,
    BeforeValidator(_require_text),
    _number_field("手机号或带区号的固定电话", "0935-2212345"),
    AfterValidator(parse_phone),
]
BankAccount = Annotated[
    str,
    BeforeValidator(_require_text),
    _number_field("银行账号, 8至32位数字", "6222021234561234"),
    AfterValidator(parse_bank_account),
]
