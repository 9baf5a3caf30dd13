"""Signing in and out, as the tests of identity do it."""

from typing import Any

import httpx

PASSWORD = "Xianjie-2022"
DISTRICT, TOWN, VILLAGE = "620602000000", "620602100000", "620602100200"


async def token(client: httpx.AsyncClient, grant: str = "password", **form: Any) -> httpx.Response:
    """What the token endpoint answers."""
    return await client.post("/auth/token", data={"grant_type": grant, **form})


async def signed_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> dict[str, Any]:
    """The tokens of a person; the test fails when they cannot sign in."""
    answer = await token(client, username=name, password=password)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def refreshed(client: httpx.AsyncClient, tokens: dict[str, Any]) -> httpx.Response:
    """What comes of using a refresh token."""
    return await token(client, "refresh_token", refresh_token=tokens["refresh_token"])


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    """The header an access token travels in."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def an_account(**changes: Any) -> dict[str, Any]:
    """A body for POST /users."""
    return {
        "id": "zhang.san",
        "name": "张三",
        "region": TOWN,
        "password": "Huangyang-1",
        "grants": [{"role": "town_officer", "region": TOWN}],
        **changes,
    }
