"""A token that we did not issue for this, or that was touched, opens no service through either door."""

import asyncio
import base64
import hashlib
import hmac
import json
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from shared.auth import ROLES, May, Role
from tests.access.operations import RoleClient, list_operations
from tests.access.sample_values import REGION_INSIDE
from tests.clients import SystemUnderTest
from tests.gateway.echo_services import SERVICE_NAMES, OpenDoor

ADDRESSES = ("/api/v1/auth/me", "/api/v1/funds/payments", "/api/v1/projects", "/api/v1/assets")
PEOPLE = ("finance", "bureau", "leader", "auditor", "admin", "town_officer", "village_clerk", "cadre")
Claims = dict[str, Any]


def encode(part: object) -> str:
    """A part of a token."""
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def list_forgeries(good: str, doors: SystemUnderTest) -> Iterator[tuple[str, str]]:
    """(what was done, token): each as somebody makes it who holds a good token and the public keys."""
    head, claims, signature = good.split(".")
    header, content = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, claims))
    admin = encode({**content, "sub": "admin", "grants": [["admin", "620602000000"]]})
    for name in ("none", "None", "NONE", "nOnE", ""):
        yield f"alg {name!r}", f"{encode({**header, 'alg': name})}.{admin}."
    yield "other claims", f"{head}.{admin}.{signature}"
    yield "no signature", f"{head}.{claims}."
    yield "zeros as signature", f"{head}.{claims}.{encode(bytes(64))}"
    public = doors.key.key.as_pem(private=False)
    line = f"{encode({'alg': 'HS256', 'typ': 'JWT', 'kid': header['kid']})}.{admin}"
    digest = hmac.new(public, line.encode(), hashlib.sha256).digest()
    yield "HMAC with the public key", f"{line}.{encode(digest)}"
    own = ECKey.generate_key("P-256", {"kid": header["kid"]})
    forged = {"alg": "ES256", "kid": header["kid"]}
    yield "own key under our kid", jwt.encode(forged, content, own, algorithms=["ES256"])
    for extra in (
        {"jwk": own.as_dict(private=False)},
        {"jku": "https://keys.example.cn/jwks.json"},
        {"x5u": "https://keys.example.cn/cert.pem"},
        {"kid": "../../../../dev/null"},
        {"kid": "x' UNION SELECT 'k"},
        {"kid": "k" * 5000},
    ):
        yield (
            f"own key, header {extra}"[:60],
            jwt.encode({**forged, **extra}, content, own, algorithms=["ES256"]),
        )
    yield "critical header", _sign(doors, content, crit=["exp2"], exp2=1)
    for changed in (
        {"aud": "other"},
        {"iss": "https://id.example.cn"},
        {"exp": content["iat"] - 1},
        {"exp": None},
    ):
        yield (
            f"claims {changed}",
            _sign(doors, {k: v for k, v in {**content, **changed}.items() if v is not None}),
        )
    yield "a service's token", doors.service_token("projects", "funds")
    yield (
        "a key of letters",
        jwt.encode({"alg": "HS256"}, content, OctKey.import_key("k" * 32), algorithms=["HS256"]),
    )


def _sign(doors: SystemUnderTest, claims: Claims, **header: Any) -> str:
    key = doors.key.key
    head = encode({"alg": "ES256", "kid": "test", **header})
    line = f"{head}.{encode(claims)}"
    good = doors.key.sign_token(claims)
    if not header:
        return good
    assert key.private_key is not None
    r, s = decode_dss_signature(key.private_key.sign(line.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{line}.{encode(r.to_bytes(32) + s.to_bytes(32))}"


def sign_in_as(doors: SystemUnderTest, account: str, **changes: Any) -> str:
    """A good token of a demo account."""
    settings = doors.apps["identity"].state.context.settings
    now = doors.now()
    role = "finance" if account not in PEOPLE else account
    claims = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=10)).timestamp()),
        "jti": account,
        "kind": "user",
        "org": "",
        "sub": account,
        "name": account,
        "grants": [[role, "620602000000"]],
        **changes,
    }
    return doors.key.sign_token(claims)


async def ask(door: OpenDoor, address: str, token: str, **headers: str) -> httpx.Response:
    """The answer to a request with this token; asked again while the door of a busy machine says 503."""
    for _ in range(20):
        answer = await door.client.get(address, headers={"Authorization": f"Bearer {token}", **headers})
        if answer.status_code != 503:
            break
        await asyncio.sleep(0.2)
    return answer


async def test_no_forged_token_opens_a_service(doors: SystemUnderTest, door_to_all: OpenDoor) -> None:
    good = sign_in_as(doors, "finance")
    wrong = []
    for what, token in [*list_forgeries(good, doors)]:
        for address in ADDRESSES:
            answer = await ask(door_to_all, address, token)
            if answer.status_code not in {400, 401, 431}:
                wrong.append(f"{what} at {address}: {answer.status_code}")
    taken = [(await ask(door_to_all, address, good)).status_code for address in ADDRESSES]

    assert taken == [200] * len(ADDRESSES)
    assert not wrong


async def test_two_tokens_in_one_request_are_not_one_callers(
    doors: SystemUnderTest, door_to_all: OpenDoor
) -> None:
    lines = "".join(f"Authorization: Bearer {sign_in_as(doors, who)}\r\n" for who in ("cadre", "admin"))
    request = f"GET /api/v1/auth/me HTTP/1.1\r\nHost: 127.0.0.1:{door_to_all.port}\r\nConnection: close\r\n{lines}\r\n"
    answer = await door_to_all.send_raw(request.encode())

    assert b'"id":"admin"' not in answer
    assert answer.split(b" ", 2)[1] in {b"400", b"401"}, answer[:300]


async def test_answers_reach_who_asked_also_beside_aborted_requests(
    doors: SystemUnderTest, door_to_all: OpenDoor
) -> None:
    tokens = {who: sign_in_as(doors, who) for who in PEOPLE}
    chance = random.Random(620602)
    wrong, answered = [], 0

    async def ask_as_one(number: int) -> None:
        nonlocal answered
        who, marker = PEOPLE[number % len(PEOPLE)], f"marker-{number:05d}"
        answer = await ask(door_to_all, "/api/v1/auth/me", tokens[who], **{"X-Request-Id": marker})
        answered += 1
        if (answer.json()["id"], answer.headers["x-request-id"]) != (who, marker):
            wrong.append((who, marker, answer.text))

    for start in range(0, 240, 24):
        running = [asyncio.create_task(ask_as_one(number)) for number in range(start, start + 24)]
        for one in chance.sample(running, 8):
            await asyncio.sleep(chance.random() / 200)
            one.cancel()
        results = await asyncio.gather(*running, return_exceptions=True)
        assert not [one for one in results if isinstance(one, Exception)]

    assert answered >= 160
    assert not wrong


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_a_machine_with_one_scope_does_nothing_else(doors: SystemUnderTest, service: str) -> None:
    """Every address, asked by a machine client whose token names one permission that the address does not take."""
    operations = [one for one in list_operations(service, doors.apps[service]) if one.permissions]
    scopes = sorted(may for may in ROLES[Role.MACHINE] if may is not May.EVENT_DELIVER)
    callers = {scope: RoleClient(doors, service, Role.MACHINE, REGION_INSIDE) for scope in scopes}
    for scope, caller in callers.items():
        caller.client = doors.service(service).client_as(
            "machine", REGION_INSIDE, kind="machine", scope=str(scope)
        )
        caller.client.base_url = httpx.URL("http://test")
    wrong = []
    for number, one in enumerate(operations):
        others = [scope for scope in scopes if scope not in one.permissions]
        caller = callers[scope := others[number % len(others)]]
        answer = await caller.send_request(one)
        if answer.status_code != 403:
            wrong.append(f"{one} with scope {scope}: {answer.status_code}")

    assert operations or service == "sync"
    assert not wrong
