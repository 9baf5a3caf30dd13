"""Sign-in helpers and request bodies of the identity tests."""

from typing import Any

import httpx

from tests.clients import SystemUnderTest

PASSWORD = "Xianjie-2022"
DISTRICT, TOWN, VILLAGE = "620602000000", "620602100000", "620602100200"


async def request_token(client: httpx.AsyncClient, grant: str = "password", **form: Any) -> httpx.Response:
    """Send a request to the token endpoint."""
    return await client.post("/auth/token", data={"grant_type": grant, **form})


async def sign_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> dict[str, Any]:
    """Sign in and return the tokens; fails the test when the sign-in is refused."""
    answer = await request_token(client, username=name, password=password)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def refresh_tokens(client: httpx.AsyncClient, tokens: dict[str, Any]) -> httpx.Response:
    """Use a refresh token."""
    return await request_token(client, "refresh_token", refresh_token=tokens["refresh_token"])


def bearer_header(tokens: dict[str, Any]) -> dict[str, str]:
    """Authorization header with the access token."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def build_account(**changes: Any) -> dict[str, Any]:
    """Build a body for POST /users."""
    return {
        "id": "zhang.san",
        "name": "张三",
        "region": TOWN,
        "password": "Hexi-Corridor-71",
        "grants": [{"role": "town_officer", "region": TOWN}],
        **changes,
    }


def build_security_rule(doors: SystemUnderTest, key: str, value: Any, **changes: Any) -> dict[str, Any]:
    """Build a body for POST /identity/rule-proposals that takes effect today."""
    return {
        "key": key,
        "title": "安全规则",
        "value": value,
        "effective_from": str(doors.service("identity").context.clock().date()),
        "region": DISTRICT,
        "basis": "凉网信发〔2026〕3号",
        "confirmed": True,
        **changes,
    }


async def set_security_rule(doors: SystemUnderTest, body: dict[str, Any]) -> None:
    """Propose a version as one security administrator and confirm it as another."""
    proposer, second = (
        doors.service("identity").client_as("security_admin", person=name) for name in ("an.quan", "fu.he")
    )
    proposed = await proposer.post("/identity/rule-proposals", json=body)
    assert proposed.status_code == 201, proposed.text
    confirmed = await second.post(f"/identity/rule-proposals/{proposed.json()['id']}/confirm", json={})
    assert confirmed.status_code == 200, confirmed.text
