"""What every service refuses by itself, whatever door stands in front of it: claims, tokens, too many requests."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvloop
from joserfc import jwt
from joserfc.jwk import OctKey

from shared.app.serve import accepting_sockets, open_listener
from shared.auth import generate_service_keys
from shared.auth.tokens import issue_service_token
from shared.errors import Unavailable
from shared.http import AdmissionMiddleware, admission, door_rules
from shared.http.admission import MAX_UPLOADS_PER_CALLER
from shared.http.callers import Caller
from shared.http.overload import LoadEstimate, StartQueue
from shared.http.rate_limits import DEFAULT_RATES, RateLimiter
from shared.settings import Settings
from tests.clients import ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock

FROM_DOOR = {"X-Forwarded-For": "203.0.113.7"}
INTERNAL = "http://test/internal/events"


@pytest.mark.parametrize("service", ["identity", "projects", "funds", "assets", "attendance"])
async def test_claims_of_identity_are_refused(door: Callable[[str], ServiceUnderTest], service: str) -> None:
    client = door(service).anonymous_client()
    for pattern in door_rules.IDENTITY_HEADERS:
        answer = await client.get(f"/{service}/events", headers={pattern.replace("*", "zz"): "admin"})
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-request"), pattern


async def test_an_address_is_believed_from_the_door_only(doors: SystemUnderTest) -> None:
    transport = httpx.ASGITransport(doors.apps["funds"], client=("198.51.100.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as outside:
        answer = await outside.get("/api/v1/funds/plans", headers={"X-Forwarded-For": "127.0.0.1"})
    assert answer.status_code == 400


async def test_a_service_token_from_outside_is_refused(doors: SystemUnderTest) -> None:
    token = {"Authorization": f"Bearer {doors.service_token('projects', 'funds')}"}
    client = doors.service("funds").anonymous_client()
    assert (await client.post(INTERNAL, json=[], headers=token)).status_code == 200
    refused = await client.get("/funds/plans", headers=token | FROM_DOOR)
    assert (refused.status_code, "内部" in refused.json()["detail"]) == (401, True)
    assert (await client.post(INTERNAL, json=[], headers=token | FROM_DOOR)).status_code == 404
    through = await doors.service("gateway").anonymous_client().get("/funds/plans", headers=token)
    assert through.status_code == 401


async def deliver_with(doors: SystemUnderTest, token: str) -> int:
    client = doors.service("funds").anonymous_client()
    return (await client.post(INTERNAL, json=[], headers={"Authorization": f"Bearer {token}"})).status_code


async def test_a_token_for_another_service_is_refused(doors: SystemUnderTest) -> None:
    assert await deliver_with(doors, doors.service_token("projects", "assets")) == 401


async def test_a_service_cannot_speak_as_another(doors: SystemUnderTest) -> None:
    context = doors.apps["projects"].state.context
    forged = issue_service_token(
        context.settings, "assets", context.service_actor(), doors.now(), receiver="funds"
    )
    assert await deliver_with(doors, forged) == 401
    private, _ = generate_service_keys(["projects"])
    foreign = Settings.load("projects", embedded=True, service_key=private["projects"])
    strange = issue_service_token(foreign, "projects", context.service_actor(), doors.now(), receiver="funds")
    assert await deliver_with(doors, strange) == 401


async def test_hs256_with_a_public_key_is_refused(doors: SystemUnderTest) -> None:
    settings = doors.apps["funds"].state.context.settings
    at = int(doors.now().timestamp())
    claims = {"iss": settings.issuer, "aud": "xianjie:funds", "sub": "service:projects", "kind": "service"}
    claims |= {"iat": at, "exp": at + 60}
    secret = OctKey.import_key(str(settings.service_public_keys["keys"][0]["x"]) * 2)
    token = jwt.encode({"alg": "HS256", "kid": "service:projects"}, claims, secret, algorithms=["HS256"])
    assert await deliver_with(doors, token) == 401


async def test_an_old_service_token_is_refused(doors: SystemUnderTest, clock: Clock) -> None:
    token = doors.service_token("projects", "funds")
    clock.advance(timedelta(seconds=61))
    assert await deliver_with(doors, token) == 401


@pytest.fixture
def strict(doors: SystemUnderTest, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> RateLimiter:
    """Limits of two a minute in the funds service."""
    middleware: Any = doors.apps["funds"].middleware_stack or doors.apps["funds"].build_middleware_stack()
    doors.apps["funds"].middleware_stack = middleware
    while not isinstance(middleware, AdmissionMiddleware):
        middleware = middleware.app
    made = RateLimiter(dict.fromkeys(DEFAULT_RATES, "2/minute") | {"heavy": "1/minute"}, clock.now)
    monkeypatch.setattr(middleware, "limiter", made)
    return made


@pytest.mark.usefixtures("strict")
async def test_callers_are_counted_by_person_or_address_after_the_token(
    doors: SystemUnderTest, clock: Clock
) -> None:
    finance, leader = doors.service("funds").client_as("finance"), doors.service("funds").client_as("leader")
    nobody = doors.service("funds").anonymous_client()
    codes = [(await finance.get("/funds/plans", headers=FROM_DOOR)).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    assert (await leader.get("/funds/plans", headers=FROM_DOOR)).status_code == 200
    codes = [(await nobody.get("/funds/plans", headers=FROM_DOOR)).status_code for _ in range(3)]
    assert codes == [401, 401, 429]
    other = await nobody.get("/funds/plans", headers={"X-Forwarded-For": "203.0.113.8"})
    assert other.status_code == 401
    refused = await finance.get("/funds/plans", headers=FROM_DOOR)
    assert refused.headers["content-type"] == "application/problem+json"
    assert "请求过于频繁" in refused.json()["detail"]
    clock.advance(timedelta(seconds=int(refused.headers["retry-after"])))
    assert (await finance.get("/funds/plans", headers=FROM_DOOR)).status_code == 200


@pytest.mark.usefixtures("strict")
async def test_services_among_themselves_and_health_checks_are_not_counted(doors: SystemUnderTest) -> None:
    client = doors.service("funds").client_as("finance")
    assert {(await client.get("/funds/plans")).status_code for _ in range(5)} == {200}
    codes = {(await client.get("http://test/readyz", headers=FROM_DOOR)).status_code for _ in range(5)}
    assert codes == {200}


@pytest.mark.usefixtures("strict")
async def test_exports_have_a_limit_of_their_own(doors: SystemUnderTest) -> None:
    client = doors.service("funds").client_as("finance")
    codes = [(await client.get("/funds/x/export", headers=FROM_DOOR)).status_code for _ in range(2)]
    assert codes == [404, 429]


async def test_large_uploads_of_one_caller_have_few_places(
    doors: SystemUnderTest, strict: RateLimiter
) -> None:
    app: Any = doors.apps["funds"].middleware_stack
    while not isinstance(app, AdmissionMiddleware):
        app = app.app
    caller = Caller("address", "203.0.113.7")
    app.uploads[caller] = MAX_UPLOADS_PER_CALLER
    try:
        answer = (
            await doors.service("funds")
            .anonymous_client()
            .post("/funds/files", headers=FROM_DOOR | {"Content-Length": "2000000"})
        )
    finally:
        del app.uploads[caller]
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")


async def sign_in(client: httpx.AsyncClient, address: str, **form: str) -> httpx.Response:
    headers = {"X-Forwarded-For": address}
    return await client.post(
        "/auth/token", data={"grant_type": "password", "password": "x", **form}, headers=headers
    )


@pytest.fixture
def guarded(doors: SystemUnderTest, monkeypatch: pytest.MonkeyPatch) -> httpx.AsyncClient:
    """Identity with two sign-in attempts a minute."""
    context = doors.apps["identity"].state.context
    rates = dict.fromkeys(DEFAULT_RATES, "1000/minute") | {
        "login_account": "2/minute",
        "login_address": "4/minute",
    }
    rates |= {"anonymous_write": "2/hour"}
    monkeypatch.setattr(context, "settings", context.settings.model_copy(update={"rates": rates}))
    return doors.service("identity").anonymous_client()


async def test_guessing_one_account_from_many_addresses_is_counted_exactly(
    guarded: httpx.AsyncClient,
) -> None:
    tries = [await sign_in(guarded, f"203.0.113.{number}", username="nobody") for number in range(4)]
    assert [one.status_code for one in tries] == [400, 400, 429, 429]
    assert int(tries[2].headers["retry-after"]) > 0
    assert (await sign_in(guarded, "203.0.113.99", username="else")).status_code == 400


async def test_guessing_many_accounts_from_one_address_is_counted_exactly(guarded: httpx.AsyncClient) -> None:
    tries = [await sign_in(guarded, "203.0.113.7", username=f"nobody{number}") for number in range(5)]
    assert [one.status_code for one in tries] == [400] * 4 + [429]


async def test_the_account_counted_is_the_one_identity_tries(guarded: httpx.AsyncClient) -> None:
    """A decoy in another field or in an Authorization header is not counted instead (finding M2)."""
    codes = []
    for number in range(3):
        body = f"grant_type=password&username=decoy{number}&username=nobody&password=x"
        headers = {
            "X-Forwarded-For": f"203.0.113.{number}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": f"Basic ZGVjb3k{number}",
        }
        codes.append((await guarded.post("/auth/token", content=body, headers=headers)).status_code)
    assert codes == [400, 400, 429]


@pytest.mark.usefixtures("guarded")
async def test_writes_without_login_are_counted_exactly_per_sender(doors: SystemUnderTest) -> None:
    client = doors.service("attendance").anonymous_client()
    codes = [
        (await client.post("/attendance/complaints", json={}, headers=FROM_DOOR)).status_code
        for _ in range(3)
    ]
    assert codes[:2] == [422, 422] or 429 not in codes[:2]
    assert codes[2] == 429
    other = await client.post("/attendance/complaints", json={}, headers={"X-Forwarded-For": "203.0.113.8"})
    assert other.status_code != 429


@pytest.fixture
def busy(doors: SystemUnderTest, monkeypatch: pytest.MonkeyPatch) -> LoadEstimate:
    """A process with a hundred requests under way that finishes fifty a second."""
    load = LoadEstimate(clock=lambda: 0.0)
    load.under_way, load._finished, load._busy_s = 100, 50.0, 1.0
    monkeypatch.setattr(admission, "PROCESS_LOAD", load)
    context = doors.service("funds").context
    for app in (doors.apps["funds"],):
        limited = context.settings.model_copy(update={"queue_seconds": 0.5})
        monkeypatch.setattr(app.state.context, "settings", limited)
    return load


async def test_a_request_that_would_wait_too_long_is_refused_before_anything_is_done(
    doors: SystemUnderTest, busy: LoadEstimate
) -> None:
    client = doors.service("funds").client_as("bureau")
    through_door = {"X-Forwarded-For": "203.0.113.9"}

    refused = await client.get("/funds/sources", headers=through_door)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "3")
    assert refused.headers["content-type"] == "application/problem+json"
    assert busy.refused == 1
    busy.under_way = 15
    assert (await client.get("/funds/sources", headers=through_door)).status_code == 200


async def test_what_others_wait_for_is_not_refused(doors: SystemUnderTest, busy: LoadEstimate) -> None:
    """Calls of services among themselves, health checks, and exports, which take their time by nature."""
    client = doors.service("funds").client_as("bureau")

    assert (await client.get("/funds/sources")).status_code == 200
    assert (await client.get("http://test/readyz")).status_code == 200
    answer = await client.get("/funds/sources/export", headers={"X-Forwarded-For": "203.0.113.9"})
    assert answer.status_code != 503
    assert busy.refused == 0


def test_the_expected_wait_follows_what_is_finished() -> None:
    time = 0.0
    load = LoadEstimate(clock=lambda: time)
    for _ in range(50):
        load.begin()
    for _ in range(1000):  # a hundred a second
        time += 0.01
        load.begin()
        load.end()
    assert load.rate == pytest.approx(100, rel=0.05)
    assert load.expect_wait() == pytest.approx(0.51, rel=0.05)
    load.check(0.6)
    with pytest.raises(Unavailable):
        load.check(0.4)
    for _ in range(50):
        load.end()
    load.check(0.01)  # a few are always accepted


async def test_a_burst_starts_in_its_order_one_in_a_round() -> None:
    queue, loop, rounds = StartQueue(), asyncio.get_running_loop(), 0
    started: list[tuple[int, int]] = []

    def count_round() -> None:
        nonlocal rounds
        rounds += 1
        if len(started) < 19:
            loop.call_soon(count_round)

    async def request(number: int) -> None:
        await queue.wait_for_turn()
        started.append((number, rounds))

    tasks = [asyncio.create_task(request(number)) for number in range(20)]
    loop.call_soon(count_round)
    await asyncio.sleep(0)
    tasks[7].cancel()  # its caller hung up
    await asyncio.wait(tasks)

    assert [number for number, _ in started] == [number for number in range(20) if number != 7]
    in_one_round = Counter(at for _, at in started)
    assert max(in_one_round.values()) == 1


def test_callers_that_connect_at_once_are_taken_many_in_a_round() -> None:
    """A loop that takes one connection in a round lets new callers wait for seconds when its rounds are long."""

    async def count_rounds() -> int:
        loop, taken, rounds = asyncio.get_running_loop(), 0, 0

        class Taken(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                nonlocal taken
                taken += 1

        with ExitStack() as stack:
            listener = stack.enter_context(open_listener("127.0.0.1", 0))
            for _ in range(64):
                stack.enter_context(socket.create_connection(listener.getsockname()))
            servers = [await loop.create_server(Taken, sock=one) for one in accepting_sockets(listener)]
            while taken < 64:
                await asyncio.sleep(0)
                rounds += 1
            for server in servers:
                server.close()
        return rounds

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(count_rounds()) < 32
