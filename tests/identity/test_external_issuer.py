"""统一身份认证: sign-in through an external identity provider that the settings trust."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey

from services.identity.sessions.service import TOKEN_EXCHANGE_GRANT_TYPE
from shared.settings import TrustedIssuer
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.identity.factories_identity import bearer_header, build_account, refresh_tokens, request_token

Client = httpx.AsyncClient
ISSUER_URL = "https://id.gansu.test"
LEADER_SUBJECT = "8842"
CURRENT_KEY = RSAKey.generate_key(2048, {"kid": "2024", "use": "sig"})
NEXT_KEY = RSAKey.generate_key(2048, {"kid": "2025", "use": "sig"})


class FakeIssuer:
    """An OIDC issuer in this process that counts the requests for its keys."""

    def __init__(self) -> None:
        self.keys = [CURRENT_KEY]
        self.request_count = 0
        self.app = FastAPI()
        self.app.get("/jwks")(self._get_jwks)

    def _get_jwks(self) -> dict[str, Any]:
        self.request_count += 1
        return {"keys": [key.as_dict(private=False) for key in self.keys]}


def sign_id_token(
    clock: Clock, key: RSAKey = CURRENT_KEY, alg: str = "RS256", typ: str = "", **claims: Any
) -> str:
    now = int(clock.now().timestamp())
    full = {
        "iss": ISSUER_URL,
        "aud": "xianjie",
        "sub": LEADER_SUBJECT,
        "preferred_username": "leader",
        "jti": str(uuid4()),
        "iat": now,
        "exp": now + 300,
        **claims,
    }
    header = {"alg": alg, "kid": key.kid, **({"typ": typ} if typ else {})}
    return jwt.encode(header, full, key, algorithms=[alg])


@pytest.fixture
async def issuer(doors: SystemUnderTest, admin: Client) -> AsyncIterator[FakeIssuer]:
    context = doors.apps["identity"].state.context
    fake_issuer = FakeIssuer()
    trusted = TrustedIssuer(issuer=ISSUER_URL, audience="xianjie", jwks_url=f"{ISSUER_URL}/jwks")
    settings, apps = context.settings, context.clients.apps
    context.settings = settings.model_copy(update={"trusted_issuers": (trusted,)})
    context.clients.apps = {**apps, ISSUER_URL: fake_issuer.app}
    await bind_account(admin, "leader", LEADER_SUBJECT)
    yield fake_issuer
    context.settings, context.clients.apps = settings, apps
    context.clients.clear_external_cache()


async def bind_account(admin: Client, account: str, subject: str, issuer: str = ISSUER_URL) -> httpx.Response:
    return await admin.post(f"/users/{account}/issuers", json={"issuer": issuer, "subject": subject})


async def exchange_token(client: Client, text: str) -> httpx.Response:
    return await request_token(client, TOKEN_EXCHANGE_GRANT_TYPE, subject_token=text)


async def test_a_person_of_the_issuer_gets_our_tokens(
    issuer: FakeIssuer, doors: SystemUnderTest, anyone: Client, clock: Clock
) -> None:
    answer = await exchange_token(anyone, sign_id_token(clock))
    me = (await anyone.get("/auth/me", headers=bearer_header(answer.json()))).json()

    assert (me["id"], [grant["role"] for grant in me["grants"]]) == ("leader", ["leader"])
    assert (await refresh_tokens(anyone, answer.json())).status_code == 200


async def test_an_account_without_password_enters_by_the_issuer_only(
    issuer: FakeIssuer, anyone: Client, admin: Client, clock: Clock
) -> None:
    made = await admin.post("/users", json=build_account(password=None))
    await bind_account(admin, "zhang.san", "9001")
    entered = await exchange_token(anyone, sign_id_token(clock, sub="9001"))
    again = await refresh_tokens(anyone, entered.json())
    guessed = await request_token(anyone, username="zhang.san", password="")

    assert made.status_code == 201
    assert (entered.status_code, entered.json()["must_change"]) == (200, False)
    me = (await anyone.get("/auth/me", headers=bearer_header(again.json()))).json()
    assert [grant["role"] for grant in me["grants"]] == ["town_officer"]
    assert guessed.status_code == 400


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.test"},
        {"aud": "another-system"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"sub": "nobody.here"},
        {"sub": None},
        {"sub": ""},
        {"sub": "9999", "preferred_username": "admin"},
        {"iat": None},
        {"iat": 1},
        {"exp": 4_000_000_000},
        {"aud": ["another-system", "xianjie"], "azp": "another-system"},
        {"aud": ["another-system", "xianjie"]},
        {"azp": "another-system"},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
    ],
)
async def test_a_token_that_is_not_for_us_is_refused(
    issuer: FakeIssuer, anyone: Client, clock: Clock, claims: dict[str, Any]
) -> None:
    answer = await exchange_token(anyone, sign_id_token(clock, **claims))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "e30.e30.e30", "bnVsbA.bnVsbA.x"])
async def test_what_is_no_token_is_refused(issuer: FakeIssuer, anyone: Client, text: str) -> None:
    assert (await exchange_token(anyone, text)).status_code == 400


async def test_a_token_of_another_key_is_refused(issuer: FakeIssuer, anyone: Client, clock: Clock) -> None:
    forged = RSAKey.generate_key(2048, {"kid": "2024"})

    assert (await exchange_token(anyone, sign_id_token(clock, forged))).status_code == 400


async def test_the_issuers_new_key_is_learnt_when_it_is_first_seen(
    issuer: FakeIssuer, anyone: Client, clock: Clock
) -> None:
    await exchange_token(anyone, sign_id_token(clock))
    issuer.keys.append(NEXT_KEY)
    clock.advance(timedelta(seconds=11))
    answers = [await exchange_token(anyone, sign_id_token(clock, NEXT_KEY)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert issuer.request_count == 2


async def test_an_issuer_that_is_away_is_waited_for(
    issuer: FakeIssuer, doors: SystemUnderTest, anyone: Client, clock: Clock
) -> None:
    def _away() -> None:
        raise RuntimeError("down")

    broken = FastAPI()
    broken.get("/jwks")(_away)
    doors.apps["identity"].state.context.clients.apps = {ISSUER_URL: broken}

    answer = await exchange_token(anyone, sign_id_token(clock))

    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_without_the_setting_nobody_outside_is_trusted(anyone: Client, clock: Clock) -> None:
    assert (await exchange_token(anyone, sign_id_token(clock))).status_code == 400


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt"])
async def test_another_kind_of_token_is_refused(
    issuer: FakeIssuer, anyone: Client, clock: Clock, typ: str
) -> None:
    good = await exchange_token(anyone, sign_id_token(clock, typ="JWT"))
    other = await exchange_token(anyone, sign_id_token(clock, typ=typ))

    assert (good.status_code, other.status_code) == (200, 400)


async def test_a_token_is_exchanged_once(issuer: FakeIssuer, anyone: Client, clock: Clock) -> None:
    token = sign_id_token(clock)
    first = await exchange_token(anyone, token)
    again = await exchange_token(anyone, token)

    assert (first.status_code, again.status_code) == (200, 400)
    assert "已经用过" in again.json()["error_description"]


async def test_a_name_in_the_token_binds_nobody(
    issuer: FakeIssuer, doors: SystemUnderTest, anyone: Client, admin: Client, clock: Clock
) -> None:
    context = doors.apps["identity"].state.context
    second = TrustedIssuer(issuer="https://school.test", audience="xianjie", jwks_url=f"{ISSUER_URL}/jwks")
    trusted = (*context.settings.trusted_issuers, second)
    context.settings = context.settings.model_copy(update={"trusted_issuers": trusted})
    theirs = sign_id_token(clock, iss="https://school.test", preferred_username="admin")
    answer = await exchange_token(anyone, theirs)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_an_issuer_enters_only_the_roles_it_is_allowed(
    issuer: FakeIssuer, doors: SystemUnderTest, anyone: Client, clock: Clock
) -> None:
    context = doors.apps["identity"].state.context
    (trusted,) = context.settings.trusted_issuers
    narrow = trusted.model_copy(update={"roles": ("cadre",)})
    context.settings = context.settings.model_copy(update={"trusted_issuers": (narrow,)})

    assert (await exchange_token(anyone, sign_id_token(clock))).status_code == 400


async def test_a_person_of_an_issuer_is_bound_to_one_account(issuer: FakeIssuer, admin: Client) -> None:
    other = await bind_account(admin, "bureau", LEADER_SUBJECT)
    again = await bind_account(admin, "leader", LEADER_SUBJECT)
    unknown = await bind_account(admin, "leader", "1", issuer="https://evil.test")
    listed = (await admin.get("/users/leader/issuers")).json()["items"]

    assert (other.status_code, again.status_code, unknown.status_code) == (409, 201, 422)
    assert [(one["issuer"], one["subject"]) for one in listed] == [(ISSUER_URL, LEADER_SUBJECT)]


async def test_a_binding_taken_away_ends_the_way_in(
    issuer: FakeIssuer, anyone: Client, admin: Client, clock: Clock
) -> None:
    body = {"issuer": ISSUER_URL, "subject": LEADER_SUBJECT}
    gone = await admin.post("/users/leader/issuers/remove", json=body)
    events = (await admin.get("/identity/events", params={"types": "account.issuer_bound"})).json()["items"]

    assert gone.status_code == 204
    assert (await exchange_token(anyone, sign_id_token(clock))).status_code == 400
    assert [one["after"]["bound"] for one in events] == [True, False]
