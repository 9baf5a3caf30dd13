"""Clients of the services under test, with tokens of any role, and the deliveries between services."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import httpx
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey

from shared.app.factory import follow_revocations
from shared.auth import issue_service_token
from shared.auth.tokens import NO_REVOCATIONS
from shared.db.migrate import has_database
from shared.events.inbox import create_relay
from shared.unit_of_work import ServiceContext

DISTRICT = "620602000000"
TOWN = "620602100000"
VILLAGE = "620602100201"
DEFAULT_REGIONS = {"town_officer": TOWN, "village_clerk": VILLAGE, "cadre": VILLAGE}
"""Where a role is at home when a test does not say."""


RULE_BASIS = "凉区办发〔2026〕12号"


class TestKey:
    """An ES256 key beside identity's own, so that a test needs no login."""

    __test__ = False

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "test", "alg": "ES256", "use": "sig"})
        self._sign = lru_cache(maxsize=1000)(self._sign_json)

    def add_to_verifier(self, context: ServiceContext) -> None:
        """Make a service accept this key's tokens beside identity's."""
        fetch = context.verifier.fetch_jwks

        async def both() -> dict[str, Any]:
            found = await fetch()
            return {"keys": [*found["keys"], self.key.as_dict(private=False)]}

        context.verifier.fetch_jwks = both

    def sign_token(self, claims: Mapping[str, Any]) -> str:
        """A signed token; equal claims, which name the instant, give the same one."""
        return self._sign(json.dumps(claims))

    def _sign_json(self, claims: str) -> str:
        return jwt.encode({"alg": "ES256", "kid": "test"}, json.loads(claims), self.key, algorithms=["ES256"])


class ServiceUnderTest:
    """One service, to be entered as anybody."""

    def __init__(self, doors: "SystemUnderTest", name: str) -> None:
        self.system = doors
        self.name = name
        self.context: ServiceContext = doors.apps[name].state.context

    def client_as(self, role: str, region: str = "", *, person: str = "", **claims: Any) -> httpx.AsyncClient:
        """A client signed in with a role in a region (its usual home when not given) as a person."""
        where = region or DEFAULT_REGIONS.get(role, DISTRICT)
        who = person or f"{role}-{where}"
        return self.system.client_with_claims(
            self.name, {"sub": who, "name": who, "grants": [[role, where]], **claims}
        )

    def anonymous_client(self) -> httpx.AsyncClient:
        """A client without login."""
        return self.system.client_with_claims(self.name, None)


async def set_rule_version(service: ServiceUnderTest, body: Mapping[str, Any], role: str = "bureau") -> Any:
    """Set a district's version of a rule; another person confirms one that begins in the past."""
    region = str(body["region"])
    address = f"/{service.name}/rules"
    made = await service.client_as(role, region).post(address, json={"basis": RULE_BASIS, **body})
    assert made.status_code == 201, made.text
    version = made.json()
    if version["waiting"]:
        second = service.client_as(role, region, person="second.person")
        confirmed = await second.post(f"{address}/{version['key']}/{version['version']}/confirm")
        assert confirmed.status_code == 200, confirmed.text
        version = confirmed.json()
    return version


class SystemUnderTest:
    """All services under test."""

    def __init__(self, apps: dict[str, FastAPI], now: Callable[[], datetime], key: TestKey) -> None:
        self.apps = apps
        self.now = now
        self.key = key
        self._clients: list[httpx.AsyncClient] = []

    def service(self, name: str) -> ServiceUnderTest:
        """One service."""
        return ServiceUnderTest(self, name)

    def service_token(self, sender: str, receiver: str) -> str:
        """A token with which one service asks another, for itself."""
        context: ServiceContext = self.apps[sender].state.context
        return issue_service_token(
            context.settings, sender, context.service_actor(), self.now(), receiver=receiver
        )

    def client_with_claims(self, name: str, claims: Mapping[str, Any] | None) -> httpx.AsyncClient:
        """A client whose every request carries a fresh token with these claims."""
        settings = self.apps[name].state.context.settings

        async def sign(request: httpx.Request) -> None:
            if claims is not None and "authorization" not in request.headers:
                now = self.now()
                full = {
                    "iss": settings.issuer,
                    "aud": settings.audience,
                    "iat": int(now.timestamp()),
                    "exp": int((now + timedelta(minutes=10)).timestamp()),
                    "jti": str(now.timestamp()),
                    "kind": "user",
                    "org": "",
                    **claims,
                }
                request.headers["Authorization"] = f"Bearer {self.key.sign_token(full)}"

        made = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.apps[name], raise_app_exceptions=False),
            base_url="http://test/api/v1",
            event_hooks={"request": [sign]},
        )
        self._clients.append(made)
        return made

    async def merge_regions(self, former: str, code: str) -> None:
        """Record that a region was merged into another, and tell every service."""
        admin = self.service("identity").client_as("admin")
        body = {
            "kind": "merged", "former": [former], "code": code, "effective_on": "2024-05-01",
            "basis": "区政府关于并村的批复(2024)3号",
        }  # fmt: skip
        recorded = await admin.post("/regions/successions", json=body)
        assert recorded.status_code == 201, recorded.text
        for app in self.apps.values():
            context: ServiceContext = app.state.context
            await follow_revocations(context)
            context.verifier.revocations = NO_REVOCATIONS

    async def deliver_events(self) -> None:
        """Carry every event to everybody it is for, until nothing moves any more."""
        for _ in range(5):
            moved = [
                await create_relay(app.state.context).drain()
                for name, app in self.apps.items()
                if has_database(name)
            ]
            if not any(moved):
                return

    async def close(self) -> None:
        """Let the clients go."""
        for client in self._clients:
            await client.aclose()
