"""The identity database contains no password, secret or token in clear text."""

import httpx
from pwdlib import PasswordHash

from tests.clients import SystemUnderTest
from tests.identity.factories_identity import PASSWORD, build_account, refresh_tokens, sign_in
from tests.stored_text_search import find_clear_text

Client = httpx.AsyncClient


async def test_no_password_secret_or_token_is_stored_in_clear(
    doors: SystemUnderTest, anyone: Client, admin: Client
) -> None:
    first = await sign_in(anyone, "finance")
    second = (await refresh_tokens(anyone, first)).json()
    key = {"Idempotency-Key": "the-same-request"}
    await admin.post("/users", json=build_account(password="Hexi-Corridor-71"), headers=key)
    body = {"id": "tax.office", "name": "税务系统", "region": "620602000000", "scopes": ["fund:read"]}
    secret = (await admin.post("/clients", json=body, headers={"Idempotency-Key": "another"})).json()[
        "secret"
    ]
    tokens = [pair[name] for pair in (first, second) for name in ("access_token", "refresh_token")]

    context = doors.apps["identity"].state.context
    assert await find_clear_text(context, PASSWORD, "Hexi-Corridor-71", secret, *tokens) == []
    assert await find_clear_text(context, "税务系统") != []  # the search finds text that is stored in clear


def test_a_stolen_password_hash_costs_64_mb_and_three_passes_a_guess(costly_hasher: PasswordHash) -> None:
    assert costly_hasher.hash(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_the_log_tells_that_a_name_changed_and_no_name(doors: SystemUnderTest, admin: Client) -> None:
    made = (await admin.post("/users", json=build_account(name="钱样甲"))).json()["id"]
    account = await admin.get(f"/users/{made}")
    tag = {"If-Match": account.headers["etag"]}
    changed = await admin.patch(f"/users/{made}", json={"name": "孙样乙"}, headers=tag)
    assert changed.json()["name"] == "孙样乙", changed.text
    found = await find_clear_text(doors.apps["identity"].state.context, "钱样甲", "孙样乙")
    assert [one for one in found if one.startswith("event_log.")] == []
