"""Nobody who reads identity's disk can sign in as somebody else."""

import httpx

from tests.at_rest import traces
from tests.doors import Doors
from tests.identity.people import PASSWORD, an_account, refreshed, signed_in

Client = httpx.AsyncClient


async def test_no_password_secret_or_token_is_kept_in_clear(
    doors: Doors, anyone: Client, admin: Client
) -> None:
    first = await signed_in(anyone, "finance")
    second = (await refreshed(anyone, first)).json()
    key = {"Idempotency-Key": "the-same-request"}
    await admin.post("/users", json=an_account(password="Huangyang-1"), headers=key)
    body = {"id": "tax.office", "name": "税务系统", "region": "620602000000", "scopes": ["fund:read"]}
    secret = (await admin.post("/clients", json=body, headers={"Idempotency-Key": "another"})).json()[
        "secret"
    ]
    tokens = [one[name] for one in (first, second) for name in ("access_token", "refresh_token")]

    context = doors.apps["identity"].state.context
    assert await traces(context, PASSWORD, "Huangyang-1", secret, *tokens) == []
    assert await traces(context, "税务系统") != []  # it does find what is there
