"""Personal data opens only where it belongs, is found by equality, and is masked where it is shown."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.auth import (
    DecryptionFailed,
    Keyring,
    generate_key,
    mask_account,
    mask_id_card,
    mask_name,
    mask_phone,
)

KEYRING = Keyring.random()
ID_CARD = "622301197001011239"


@given(st.text(), st.text())
def test_what_is_sealed_opens_again(text: str, about: str) -> None:
    token = KEYRING.encrypt(text, associated_data=about)
    assert token.isascii()
    assert KEYRING.decrypt(token, associated_data=about) == text


def test_the_same_text_never_looks_the_same_twice_and_never_shows() -> None:
    tokens = {KEYRING.encrypt(ID_CARD, associated_data="user:1:card") for _ in range(100)}
    assert len(tokens) == 100
    assert not any(
        ID_CARD in token or base64.b64encode(ID_CARD.encode()).decode() in token for token in tokens
    )


def test_a_token_moved_to_another_record_does_not_open() -> None:
    token = KEYRING.encrypt(ID_CARD, associated_data="user:1:card")
    for elsewhere in ("user:2:card", "user:1:phone", ""):
        with pytest.raises(DecryptionFailed):
            KEYRING.decrypt(token, associated_data=elsewhere)


@given(st.integers(0), st.characters(codec="ascii"))
def test_a_token_changed_anywhere_does_not_open(at: int, letter: str) -> None:
    token = KEYRING.encrypt(ID_CARD, associated_data="x")
    at %= len(token)
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        with pytest.raises(DecryptionFailed):
            KEYRING.decrypt(changed, associated_data="x")


@pytest.mark.parametrize(
    "token", ["", ".", "v1..", "v1.0.", "v2.0.AAAA", "v1.0.!!!!", "v1.0.AAAA", "13812341234"]
)
def test_what_is_no_token_is_unreadable(token: str) -> None:
    with pytest.raises(DecryptionFailed):
        KEYRING.decrypt(token, associated_data="x")


def test_the_newest_key_seals_and_all_open() -> None:
    keys = {"2026": generate_key(), "2026-2": generate_key()}
    index = generate_key()
    old = Keyring({"2026": keys["2026"]}, index)
    both = Keyring(keys, index)
    token = old.encrypt(ID_CARD, associated_data="x")
    assert both.decrypt(token, associated_data="x") == ID_CARD
    assert both.needs_rotation(token)
    anew = both.encrypt(ID_CARD, associated_data="x")
    assert anew.startswith("v1.2026-2.")
    assert not both.needs_rotation(anew)
    with pytest.raises(DecryptionFailed, match="2026-2"):
        old.decrypt(anew, associated_data="x")
    assert old.blind_index(ID_CARD, "card") == both.blind_index(ID_CARD, "card")
    assert (
        Keyring({"9": generate_key(), "10": generate_key()}, index)
        .encrypt("", associated_data="")
        .startswith("v1.10.")
    )


def test_a_key_id_cannot_be_exchanged_for_another() -> None:
    key = generate_key()
    ring = Keyring({"a": key, "b": key}, generate_key())
    with pytest.raises(DecryptionFailed):
        ring.decrypt(
            ring.encrypt(ID_CARD, associated_data="x").replace("v1.b.", "v1.a."), associated_data="x"
        )


@pytest.mark.parametrize(
    ("keys", "index"),
    [
        ({}, generate_key()),
        ({"a": "short"}, generate_key()),
        ({"a": base64.b64encode(bytes(16)).decode()}, generate_key()),
        ({"a.b": generate_key()}, generate_key()),
        ({"a": "钥匙"}, generate_key()),
        ({"a": generate_key()}, "short"),
    ],
    ids=["none", "short", "16 bytes", "dotted id", "not base64", "short index"],
)
def test_weak_or_malformed_keys_are_refused(keys: dict[str, str], index: str) -> None:
    with pytest.raises(ValueError, match="密钥"):
        Keyring(keys, index)


def test_equal_numbers_are_found_however_they_are_written() -> None:
    phone = KEYRING.blind_index("13812341234", "phone")
    for written in (
        "138 1234 1234",
        "138-1234-1234",
        "+86 13812341234",
        "008613812341234",
        "\uff11\uff13812341234",
    ):
        assert KEYRING.blind_index(written, "phone") == phone
    assert KEYRING.blind_index("13812341235", "phone") != phone
    assert KEYRING.blind_index("13812341234", "account") != phone
    assert KEYRING.blind_index("62230119700101123x", "card") == KEYRING.blind_index(
        "62230119700101123X", "card"
    )
    assert Keyring.random().blind_index("13812341234", "phone") != phone


@pytest.mark.parametrize(
    ("mask", "text", "shown"),
    [
        (mask_name, "张三", "张*"),
        (mask_name, "王小明", "王**"),
        (mask_name, "欧阳娜娜", "欧阳**"),
        (mask_name, "欧阳", "欧*"),
        (mask_name, "阿卜杜拉·买买提", "阿*******"),
        (mask_name, "李", "*"),
        (mask_name, "", ""),
        (mask_id_card, ID_CARD, "622301********1239"),
        (mask_id_card, "622301700101123", "622301*****1123"),
        (mask_id_card, "123", "***"),
        (mask_phone, "13812341234", "138****1234"),
        (mask_phone, "+86 138 1234 1234", "138****1234"),
        (mask_phone, "0935-2212345", "0935****345"),
        (mask_phone, "12345", "*****"),
        (mask_account, "6222021234561234", "6222 **** **** 1234"),
        (mask_account, "6222 0212 3456 1234 567", "6222 **** **** 4567"),
        (mask_account, "12345678", "******78"),
        (mask_account, "1", "*"),
    ],
)
def test_masks(mask: Callable[[str], str], text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.parametrize("mask", [mask_name, mask_id_card, mask_phone, mask_account])
@given(text=st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_a_mask_hides_some_of_everything(mask: Callable[[str], str], text: str) -> None:
    assert "*" in mask(text)
