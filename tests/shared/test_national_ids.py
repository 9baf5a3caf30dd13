"""Numbers with their own check: right ones of every kind pass, one wrong character fails."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.china import (
    CREDIT_ALPHABET,
    ID_CARD_WEIGHTS,
    REGISTRATION_DEPARTMENTS,
    BankAccount,
    CreditCode,
    IdCard,
    Phone,
    bank_card_warning,
    birth_date,
    credit_code_check_character,
    id_card_check_character,
    is_luhn_valid,
    is_male,
    is_organisation_code_valid,
    parse_bank_account,
    parse_credit_code,
    parse_id_card,
    parse_mobile,
    parse_person_number,
    parse_phone,
    registrar_name,
)

digits_strategy = st.text("0123456789", min_size=6, max_size=6)
tails_strategy = st.text(CREDIT_ALPHABET, min_size=9, max_size=9)


@pytest.mark.parametrize(
    "code",
    [
        "91110000600037341L",
        "91350100M000100Y43",
        " 9111 0000 6000 3734 1l ",
        "\uff1991110000600037341L"[0:1] + "1110000600037341L",
    ],
)
def test_published_credit_codes(code: str) -> None:
    assert parse_credit_code(code) in {"91110000600037341L", "91350100M000100Y43"}


@given(st.sampled_from("123459AY"), st.sampled_from("1239"), digits_strategy, tails_strategy)
def test_every_departments_codes_pass(first: str, second: str, region: str, tail: str) -> None:
    body = first + second + region + tail
    assert parse_credit_code(body + credit_code_check_character(body)) == body + credit_code_check_character(
        body
    )


@given(st.sampled_from("1239"), tails_strategy)
def test_village_collectives_have_codes_that_begin_with_n(second: str, tail: str) -> None:
    body = f"N{second}620602{tail}"
    code = parse_credit_code((body + credit_code_check_character(body)).lower())
    level = {"1": "组级集体经济组织", "2": "村级集体经济组织", "3": "乡镇级集体经济组织", "9": "农业"}
    assert registrar_name(code) == level[second]


@given(digits_strategy, tails_strategy, st.integers(0, 17), st.sampled_from(CREDIT_ALPHABET))
def test_one_wrong_character_fails(region: str, tail: str, at: int, letter: str) -> None:
    body = "92" + region + tail
    code = body + credit_code_check_character(body)
    changed = code[:at] + letter + code[at + 1 :]
    if changed != code:
        with pytest.raises(ValueError, match="统一社会信用代码"):
            parse_credit_code(changed)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "9111000060003734",
        "91110000600037341I",
        "B1110000600037341L",
        "91110000600037341LL",
        "九" * 18,
        "N4" + "0" * 16,
    ],
)
def test_what_is_no_credit_code(code: str) -> None:
    with pytest.raises(ValueError, match="统一社会信用代码"):
        parse_credit_code(code)


def test_the_organisation_part_has_a_check_of_its_own() -> None:
    assert is_organisation_code_valid("91110000600037341L")
    assert not is_organisation_code_valid("91110000600037351L")
    assert set(REGISTRATION_DEPARTMENTS) <= set(CREDIT_ALPHABET)


def build_id_card(region: str, born: date, serial: int) -> str:
    body = f"{region}{born:%Y%m%d}{serial:03d}"
    return body + id_card_check_character(body)


@given(
    st.sampled_from(["622321", "622301", "620602", "110101", "830000"]),
    st.dates(date(1900, 1, 1), date(2025, 1, 1)),
    st.integers(0, 999),
)
def test_real_cards_pass_whatever_their_county_code(region: str, born: date, serial: int) -> None:
    number = build_id_card(region, born, serial)
    assert parse_id_card(number.lower()) == number
    assert birth_date(number) == born
    assert is_male(number) == (serial % 2 == 1)
    old = number[:6] + number[8:17]
    if born.year < 2000:
        assert parse_id_card(old) == number


def test_the_published_example_of_the_standard() -> None:
    # GB 11643-1999, annex A
    assert parse_id_card("11010519491231002x") == "11010519491231002X"
    assert parse_id_card("440524188001010014") == "440524188001010014"


@given(st.integers(0, 17), st.sampled_from("0123456789X"))
def test_one_wrong_digit_of_a_card_fails(at: int, letter: str) -> None:
    number = build_id_card("622301", date(1970, 1, 1), 123)
    changed = number[:at] + letter + number[at + 1 :]
    if changed != number:
        with pytest.raises(ValueError, match="身份证号"):
            parse_id_card(changed)


@pytest.mark.parametrize("swap", range(16))
def test_two_neighbours_exchanged_fail(swap: int) -> None:
    number = "62230119680529134" + id_card_check_character("62230119680529134")
    changed = number[:swap] + number[swap + 1] + number[swap] + number[swap + 2 :]
    if changed != number and ID_CARD_WEIGHTS[swap] != ID_CARD_WEIGHTS[swap + 1]:
        with pytest.raises(ValueError, match="身份证号"):
            parse_id_card(changed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "62230119700230123X",
        "622301970230123",
        "12345678901234567",
        "62230117990101123X",
        "０" * 18,
        "\u0661" * 18,
    ],
)
def test_what_is_no_card(text: str) -> None:
    with pytest.raises(ValueError, match="身份证号"):
        parse_id_card(text)


def test_a_birth_in_the_future_is_refused_when_today_is_told() -> None:
    number = build_id_card("620602", date(2022, 3, 2), 1)
    assert parse_id_card(number, today=date(2022, 3, 2)) == number
    with pytest.raises(ValueError, match="不合理"):
        parse_id_card(number, today=date(2022, 3, 1))


def test_disability_cards_are_built_on_the_person() -> None:
    number = build_id_card("622301", date(1970, 1, 1), 123)
    assert parse_person_number(number) == number
    assert parse_person_number(f"{number}43") == f"{number}43"
    assert parse_person_number(f"{number}43B1") == f"{number}43B1"
    for wrong in (f"{number}83", f"{number}4", f"{number[:17]}{'0' if number[17] != '0' else '1'}43"):
        with pytest.raises(ValueError, match="证号"):
            parse_person_number(wrong)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("13893512345", "13893512345"),
        ("138 9351 2345", "13893512345"),
        ("+86-138-9351-2345", "13893512345"),
        ("8613893512345", "13893512345"),
        ("0935-2212345", "0935-2212345"),
        ("(0935)2212345", "0935-2212345"),
        ("+86 935 2212345", "0935-2212345"),
        ("010-88888888转123", "010-88888888转123"),
        ("12317", "12317"),
        ("12345", "12345"),
        ("95588", "95588"),
        ("400-812-3456", "4008123456"),
    ],
)
def test_phones(text: str, stored: str) -> None:
    assert parse_phone(text) == stored


@pytest.mark.parametrize(
    "text", ["", "2212345", "1389351234", "12893512345", "0935-1", "abc", "+1 212 555 0100", "1" * 50]
)
def test_what_is_no_phone(text: str) -> None:
    with pytest.raises(ValueError, match="电话"):
        parse_phone(text)
    with pytest.raises(ValueError, match="手机号"):
        parse_mobile(text)


def test_a_bank_card_with_a_wrong_check_digit_only_warns() -> None:
    assert is_luhn_valid("79927398713")
    assert parse_bank_account("6222 0212 3456 1234") == "6222021234561234"
    assert bank_card_warning("6222021234561234")
    assert not bank_card_warning("4111111111111111")
    assert not bank_card_warning("621234567890")
    for wrong in ("1234567", "6222a21234561234", "", "9" * 33):
        with pytest.raises(ValueError, match="银行账号"):
            parse_bank_account(wrong)


class PayeeModel(BaseModel):
    code: CreditCode
    card: IdCard | None = None
    phone: Phone | None = None
    account: BankAccount | None = None


def test_models_store_the_plain_form_and_refuse_in_chinese() -> None:
    payee = PayeeModel.model_validate(
        {"code": "91110000600037341l", "phone": "0935 2212345", "account": "6222-0212-3456-1234"}
    )
    assert (payee.code, payee.phone, payee.account) == (
        "91110000600037341L",
        "0935-2212345",
        "6222021234561234",
    )
    with pytest.raises(ValidationError, match="校验不符"):
        PayeeModel(code="911100006000373410")
    with pytest.raises(ValidationError, match="须为文本"):
        TypeAdapter(IdCard).validate_python(622301197001011239)
    described = PayeeModel.model_json_schema()["properties"]["code"]
    assert described["type"] == "string"
    assert described["maxLength"] == 64


@given(st.text())
def test_no_text_breaks_a_check(text: str) -> None:
    for check in (
        parse_credit_code,
        parse_id_card,
        parse_person_number,
        parse_mobile,
        parse_phone,
        parse_bank_account,
    ):
        with suppress(ValueError):
            assert check(text)
