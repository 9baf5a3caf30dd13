"""Passkeys as a second factor: what a browser makes and signs is checked as W3C Web Authentication 7.1 and 7.2 say."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

from services.identity.passkeys import service
from services.identity.passkeys.service import find_relying_party
from shared.settings import Settings
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.identity.authenticator import ATTESTED, ES384, PRESENT, VERIFIED, Authenticator, encode
from tests.identity.factories_identity import PASSWORD, bearer_header, request_token
from tests.identity.test_second_factor import enrol, make_account, try_sign_in
from tests.identity.test_sessions import client_from

Client = httpx.AsyncClient
Header = dict[str, str]
FACTOR = "/auth/second-factor"
PASSKEYS = f"{FACTOR}/passkeys"


async def ask(
    anyone: Client, address: str, header: Header, body: Any = None, status: int = 200
) -> dict[str, Any]:
    """POST to an address below the passkeys; the answer."""
    answer = await anyone.post(f"{PASSKEYS}{address}", json=body, headers=header)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found


async def register(
    anyone: Client, header: Header, name: str = "办公室电脑", proof: Any = None
) -> tuple[Authenticator, dict[str, Any]]:
    """Register a passkey; its authenticator and the answer."""
    options = (await ask(anyone, "/registration-options", header, proof))["public_key"]
    key = Authenticator()
    made = await ask(anyone, "", header, {"name": name, "credential": key.create(options)}, 201)
    return key, made


async def prove(anyone: Client, header: Header, key: Authenticator) -> dict[str, Any]:
    """The proof that a person holds a passkey."""
    options = (await ask(anyone, "/assertion-options", header))["public_key"]
    return {"passkey": key.sign(options)}


async def begin_sign_in(client: Client) -> dict[str, Any]:
    """What the sign-in asks a passkey to sign."""
    asked = await try_sign_in(client)
    assert (asked.status_code, asked.json()["error"]) == (400, "mfa_required")
    options: dict[str, Any] = asked.json()["passkey"]
    return options


async def read_status(anyone: Client, header: Header) -> dict[str, Any]:
    found: dict[str, Any] = (await anyone.get(FACTOR, headers=header)).json()
    return found


async def test_a_passkey_is_the_second_factor_of_a_sign_in(
    doors: SystemUnderTest, anyone: Client, admin: Client
) -> None:
    header = await make_account(anyone, admin)
    options = (await ask(anyone, "/registration-options", header))["public_key"]
    key = Authenticator()
    made = await ask(anyone, "", header, {"name": "办公室电脑", "credential": key.create(options)}, 201)
    asked = await begin_sign_in(anyone)
    tokens = await try_sign_in(anyone, passkey=json.dumps(key.sign(asked)))
    again = bearer_header(tokens.json())
    me = (await anyone.get("/auth/me", headers=again)).json()
    status = await read_status(anyone, again)
    events = (await admin.get("/identity/events", params={"types": "account.signed_in"})).json()["items"]
    own = (await doors.service("gateway").anonymous_client().get("/home/own-data", headers=again)).json()

    assert (options["rp"]["id"], options["attestation"]) == ("localhost", "none")
    assert options["authenticatorSelection"]["userVerification"] == asked["userVerification"] == "required"
    assert [one["id"] for one in asked["allowCredentials"]] == [encode(key.id)]
    assert tokens.json()["must_enrol"] is False
    assert [grant["role"] for grant in me["grants"]] == ["finance"]
    assert events[-1]["after"]["way"] == "password+passkey"
    assert (status["active"], status["one_time_codes"], status["recovery_codes_left"]) == (True, False, 10)
    assert status["passkeys"][0]["used_at"] is not None
    assert [one["name"] for one in own["account"]["second_factor"]["passkeys"]] == ["办公室电脑"]
    assert (await try_sign_in(anyone, otp=made["codes"][0])).status_code == 200
    assert (await try_sign_in(anyone, otp=made["codes"][0])).status_code == 400


REGISTRATIONS: dict[str, dict[str, Any]] = {
    "origin": {"origin": "https://evil.example"},
    "origin_in_a_frame": {"cross_origin": True},
    "challenge": {"challenge": encode(bytes(32))},
    "rp_id": {"rp_id": "evil.example"},
    "kind": {"kind": "webauthn.get"},
    "not_verified": {"flags": PRESENT | ATTESTED},
    "not_present": {"flags": VERIFIED | ATTESTED},
    "no_credential": {"flags": PRESENT | VERIFIED},
    "algorithm": {"alg": ES384},
    "no_point_of_the_curve": {"y": bytes(32)},
    "another_id": {"id": b"another"},
    "truncated": {"cut": -20},
    "trailing": {"content": b"\xa0\x00"},
    "number_for_a_challenge": {"challenge": 2**62},
    "number_for_data": {"content": cbor.encode({"fmt": "none", "attStmt": {}, "authData": 2**62})},
    "nested": {"content": b"\x81" * 9000},
    "long_array": {"content": b"\x9b" + b"\x7f" * 8},
}


async def test_a_registration_that_fails_a_check_is_refused_and_uses_its_challenge_up(
    anyone: Client, admin: Client
) -> None:
    header = await make_account(anyone, admin, "leader")
    answers, used = {}, {}
    for name, wrong in REGISTRATIONS.items():
        options = (await ask(anyone, "/registration-options", header))["public_key"]
        body = {"name": name, "credential": Authenticator().create(options, **wrong)}
        answers[name] = await anyone.post(PASSKEYS, json=body, headers=header)
        used[name] = options
    right = {"name": "再试", "credential": Authenticator().create(used["rp_id"])}
    repeated = await anyone.post(PASSKEYS, json=right, headers=header)
    large = {"name": "大", "credential": Authenticator().create(used["kind"], content=bytes(20_000))}
    oversize = await anyone.post(PASSKEYS, json=large, headers=header)

    refused = {**answers, "repeated": repeated, "oversize": oversize}
    assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(refused, 422)
    assert {answer.headers["content-type"] for answer in refused.values()} == {"application/problem+json"}
    pointers = {answer.json()["errors"][0]["pointer"] for answer in [*answers.values(), repeated]}
    assert pointers == {"/credential"}
    assert "http://localhost:8000" in answers["origin"].json()["detail"]
    assert "算法" in answers["algorithm"].json()["detail"]
    assert "已用过" in repeated.json()["detail"]
    assert (await read_status(anyone, header))["passkeys"] == []


SIGNATURES: dict[str, tuple[str, dict[str, Any]]] = {
    "10.2.0.1": ("origin", {"origin": "https://evil.example"}),
    "10.2.0.2": ("challenge", {"challenge": encode(bytes(32))}),
    "10.2.0.3": ("check", {"rp_id": "evil.example"}),
    "10.2.0.4": ("check", {"kind": "webauthn.create"}),
    "10.2.0.5": ("check", {"flags": PRESENT}),
    "10.2.0.6": ("check", {"flags": VERIFIED}),
    "10.2.0.7": ("check", {"key": ec.generate_private_key(ec.SECP256R1())}),
    "10.2.0.8": ("check", {"signature": b"0"}),
    "10.2.0.9": ("check", {"cut": 30}),
    "10.2.0.10": ("counter", {"count": 0}),
    "10.2.0.11": ("unknown", {}),
    "10.2.0.12": ("user", {"user_handle": encode(bytes(16))}),
}
"""Network address (a failure counts by it) → the reason in the log, what is wrong."""


async def read_reasons(admin: Client) -> dict[str, str]:
    """Network address → why a sign-in or a proof from it was refused last, by the log."""
    found = await admin.get("/identity/events", params={"types": "account.sign_in_failed", "limit": 200})
    return {one["after"]["source"]: one["after"]["reason"] for one in found.json()["items"]}


async def test_a_signature_that_fails_a_check_is_refused_and_told_in_the_log(
    doors: SystemUnderTest, anyone: Client, admin: Client
) -> None:
    header = await make_account(anyone, admin)
    key, _ = await register(anyone, header)
    renewed = await anyone.post(
        f"{FACTOR}/recovery-codes", json=await prove(anyone, header, key), headers=header
    )
    demo = bearer_header((await request_token(anyone, username="bureau", password=PASSWORD)).json())
    foreign, _ = await register(anyone, demo)
    answers = {}
    for address, (reason, wrong) in SIGNATURES.items():
        options = (await ask(anyone, "/assertion-options", header))["public_key"]
        signer = foreign if reason == "unknown" else key
        proof = {"passkey": signer.sign(options, **wrong)}
        client = client_from(doors, address)
        answers[address] = await client.post(f"{FACTOR}/recovery-codes", json=proof, headers=header)
    reasons = await read_reasons(admin)

    assert renewed.status_code == 200
    assert {one.status_code for one in answers.values()} == {422}
    assert {one.headers["content-type"] for one in answers.values()} == {"application/problem+json"}
    assert {one.json()["errors"][0]["pointer"] for one in answers.values()} == {"/passkey"}
    assert reasons == {address: f"passkey_{reason}" for address, (reason, _) in SIGNATURES.items()}
    assert "倒退" in answers["10.2.0.10"].json()["detail"]


async def test_a_challenge_of_a_sign_in_is_good_once_for_minutes_and_for_nothing_else(
    anyone: Client, admin: Client, clock: Clock
) -> None:
    header = await make_account(anyone, admin)
    key, _ = await register(anyone, header)
    first, late = await begin_sign_in(anyone), await begin_sign_in(anyone)
    proof = (await ask(anyone, "/assertion-options", header))["public_key"]
    good = json.dumps(key.sign(first))
    used = [await try_sign_in(anyone, passkey=good), await try_sign_in(anyone, passkey=good)]
    foreign = await try_sign_in(anyone, passkey=json.dumps(key.sign(proof)))
    clock.advance(timedelta(minutes=5, seconds=1))
    expired = await try_sign_in(anyone, passkey=json.dumps(key.sign(late)))
    broken = await try_sign_in(anyone, passkey="{")

    assert [one.status_code for one in (*used, foreign, expired, broken)] == [200, 400, 400, 400, 400]
    assert "已用过" in used[1].json()["error_description"]
    assert broken.json()["error"] == "invalid_request"
    assert set((await read_reasons(admin)).values()) == {"passkey_challenge"}


async def test_the_wrong_password_is_told_before_any_passkey(anyone: Client, admin: Client) -> None:
    key, _ = await register(anyone, await make_account(anyone, admin))
    signed = json.dumps(key.sign(await begin_sign_in(anyone)))
    wrong = await request_token(anyone, username="zhang.san", password="Wrong-Word-99", passkey=signed)

    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    assert "passkey" not in (await request_token(anyone, username="zhang.san", password="x")).json()
    assert (await try_sign_in(anyone, passkey=signed)).status_code == 200


async def test_several_passkeys_are_named_listed_renamed_and_removed(
    doors: SystemUnderTest, anyone: Client, admin: Client, clock: Clock
) -> None:
    header = await make_account(anyone, admin, "leader")
    first, _ = await register(anyone, header)
    without = await anyone.post(f"{PASSKEYS}/registration-options", headers=header)
    other = bearer_header(
        (await try_sign_in(anyone, passkey=json.dumps(first.sign(await begin_sign_in(anyone))))).json()
    )
    foreign = await prove(anyone, other, first)
    refused = await anyone.post(f"{PASSKEYS}/registration-options", json=foreign, headers=header)
    second, made = await register(anyone, header, "手机", await prove(anyone, header, first))
    clock.advance(timedelta(seconds=1))
    address = f"{PASSKEYS}/{made['passkey']['id']}"
    renamed = await anyone.patch(address, json={"name": "新手机"}, headers=header)
    status = await read_status(anyone, header)
    stranger = doors.service("identity").client_as("leader", person="finance")
    hidden = await stranger.patch(address, json={"name": "别人的"})
    removed = await anyone.post(f"{address}/remove", json=await prove(anyone, header, second), headers=header)
    events = await admin.get("/identity/events", params={"types": "account.second_factor_changed"})

    assert (without.status_code, refused.status_code) == (409, 422)
    assert made["codes"] == []
    assert (renamed.json()["name"], hidden.status_code) == ("新手机", 404)
    assert [one["name"] for one in status["passkeys"]] == ["办公室电脑", "新手机"]
    assert removed.status_code == 204
    assert [one["name"] for one in (await read_status(anyone, header))["passkeys"]] == ["办公室电脑"]
    assert [one["after"]["change"] for one in events.json()["items"]] == [
        "passkey_added",
        "passkey_added",
        "passkey_renamed",
        "passkey_removed",
    ]


@pytest.mark.parametrize(("role", "status"), [("finance", 409), ("leader", 204)])
async def test_the_last_factor_stays_with_whoever_must_have_one(
    anyone: Client, admin: Client, role: str, status: int
) -> None:
    header = await make_account(anyone, admin, role)
    key, made = await register(anyone, header)
    address = f"{PASSKEYS}/{made['passkey']['id']}/remove"
    unproved = await anyone.post(address, json={"code": "12345-67890-12345-67890"}, headers=header)
    answer = await anyone.post(address, json=await prove(anyone, header, key), headers=header)
    left = await read_status(anyone, header)

    assert (unproved.status_code, answer.status_code) == (422, status)
    assert (left["active"], left["recovery_codes_left"]) == ((True, 10) if status == 409 else (False, 0))


async def test_one_time_codes_are_replaced_by_their_holder_and_removed_beside_a_passkey(
    anyone: Client, admin: Client, clock: Clock
) -> None:
    header = await make_account(anyone, admin)
    old, codes = await enrol(anyone, clock, header)
    last = await anyone.post(f"{FACTOR}/remove", json={"code": old.at(clock.now())}, headers=header)
    begun = await anyone.post(FACTOR, json={"code": codes[0]}, headers=header)
    secret = begun.json()["secret"]
    still = await try_sign_in(anyone, otp=old.at(clock.now()))
    new = type(old)(secret)
    confirmed = await anyone.post(f"{FACTOR}/confirm", json={"code": new.at(clock.now())}, headers=header)
    clock.advance(timedelta(seconds=30))
    answers = [await try_sign_in(anyone, otp=one.at(clock.now())) for one in (old, new)]
    clock.advance(timedelta(seconds=30))
    await register(anyone, header, proof={"code": new.at(clock.now())})
    clock.advance(timedelta(seconds=30))
    removed = await anyone.post(f"{FACTOR}/remove", json={"code": new.at(clock.now())}, headers=header)
    status = await read_status(anyone, header)

    assert (last.status_code, begun.status_code, still.status_code, confirmed.status_code) == (
        409,
        201,
        200,
        200,
    )
    assert [answer.status_code for answer in answers] == [400, 200]
    assert removed.status_code == 204
    assert (status["active"], status["one_time_codes"], status["recovery_codes_left"]) == (True, False, 10)


async def test_a_challenge_of_one_session_is_no_use_in_another_and_passkeys_are_of_one_account(
    anyone: Client, admin: Client
) -> None:
    header = await make_account(anyone, admin, "leader")
    options = (await ask(anyone, "/registration-options", header))["public_key"]
    key = Authenticator()
    body = {"name": "x", "credential": key.create(options)}
    elsewhere = bearer_header((await try_sign_in(anyone)).json())
    stolen = await anyone.post(PASSKEYS, json=body, headers=elsewhere)
    mine = await anyone.post(PASSKEYS, json=body, headers=header)
    proof = await prove(anyone, header, key)
    other = (await ask(anyone, "/registration-options", header, proof))["public_key"]
    crossed = await anyone.post(f"{FACTOR}/recovery-codes", json={"passkey": key.sign(other)}, headers=header)
    demo = bearer_header((await request_token(anyone, username="bureau", password=PASSWORD)).json())
    theirs = (await ask(anyone, "/registration-options", demo))["public_key"]
    known = await anyone.post(PASSKEYS, json={"name": "x", "credential": key.create(theirs)}, headers=demo)

    assert (stolen.status_code, mine.status_code, known.status_code) == (422, 201, 422)
    assert crossed.status_code == 422
    assert "登记过" in known.json()["detail"]


async def test_who_lost_everything_is_helped_by_another_administrator(anyone: Client, admin: Client) -> None:
    await register(anyone, await make_account(anyone, admin))
    reset = await admin.delete("/users/zhang.san/second-factor")
    tokens = (await try_sign_in(anyone)).json()

    assert reset.status_code == 204
    assert tokens["must_enrol"] is True
    assert (await admin.delete("/users/zhang.san/second-factor")).status_code == 404


@pytest.mark.parametrize(
    ("address", "party"),
    [
        ("https://xianjie.example.cn", ("xianjie.example.cn", "https://xianjie.example.cn")),
        ("https://Oa.example.cn:8443/xianjie/", ("oa.example.cn", "https://oa.example.cn:8443")),
        ("https://乡村.example.cn:443", ("xn--wjqv12d.example.cn", "https://xn--wjqv12d.example.cn")),
        ("http://127.0.0.1:8000", ("localhost", "http://localhost:8000")),
        ("http://localhost", ("localhost", "http://localhost")),
        ("http://xianjie.example.cn", None),
        ("https://192.168.1.5:8443", None),
        ("https://[fd00::5]", None),
    ],
)
def test_the_relying_party_follows_from_the_public_address(
    address: str, party: tuple[str, str] | None
) -> None:
    found = find_relying_party(Settings.load("gateway", public_url=address))

    assert (found and (found.id, found.origin)) == party


async def test_an_account_has_so_many_passkeys_and_no_more(
    anyone: Client, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_PASSKEYS", 1)
    header = await make_account(anyone, admin, "leader")
    early = (await ask(anyone, "/registration-options", header))["public_key"]
    key, _ = await register(anyone, header)
    proof = await prove(anyone, header, key)
    more = await anyone.post(f"{PASSKEYS}/registration-options", json=proof, headers=header)
    body = {"name": "x", "credential": Authenticator().create(early)}
    late = await anyone.post(PASSKEYS, json=body, headers=header)

    assert (more.status_code, late.status_code) == (409, 422)
    assert "最多登记 1 个" in more.json()["detail"]


async def test_where_browsers_have_no_passkeys_one_time_codes_are_offered(
    doors: SystemUnderTest, anyone: Client, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = await make_account(anyone, admin)
    await register(anyone, header)
    context = doors.service("identity").context
    by_number = context.settings.model_copy(update={"public_url": "https://192.168.1.5:8443"})
    monkeypatch.setattr(context, "settings", by_number)
    asked = await try_sign_in(anyone)
    refused = await anyone.post(f"{PASSKEYS}/registration-options", headers=header)
    status = await read_status(anyone, header)

    assert "passkey" not in asked.json()
    assert refused.status_code == 409
    assert status["passkey_origin"] == ""
    assert "IP 地址" in status["passkey_obstacle"]
