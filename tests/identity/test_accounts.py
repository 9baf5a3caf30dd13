"""Accounts: managed by administrators within their regions; separation of duties; passwords."""

from typing import Any

import httpx
import pytest

from tests.clients import SystemUnderTest
from tests.identity.factories_identity import (
    DISTRICT,
    TOWN,
    VILLAGE,
    bearer_header,
    build_account,
    request_token,
    sign_in,
)

Client = httpx.AsyncClient
OTHER_TOWN = "620602101000"


async def create_account(admin: Client, **changes: Any) -> httpx.Response:
    answer = await admin.post("/users", json=build_account(**changes))
    assert answer.status_code == 201, answer.text
    return answer


async def update_account(admin: Client, account: httpx.Response, **body: Any) -> httpx.Response:
    name = account.json()["id"]
    return await admin.patch(f"/users/{name}", json=body, headers={"If-Match": account.headers["etag"]})


def list_error_pointers(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(error["code"], error["pointer"]) for error in answer.json()["errors"]]


async def test_an_account_is_made_read_and_found(admin: Client) -> None:
    await create_account(admin)
    read = (await admin.get("/users/zhang.san")).json()
    by_name = (await admin.get("/users", params={"q": "张"})).json()["items"]
    by_id = (await admin.get("/users", params={"q": "zhang"})).json()["items"]

    assert (read["name"], read["region"], read["must_change"]) == ("张三", TOWN, True)
    assert [grant["role"] for grant in read["grants"]] == ["town_officer"]
    names = [account["id"] for account in by_name]
    assert names == [account["id"] for account in by_id] == ["zhang.san"]


async def test_the_list_goes_on_page_by_page(admin: Client) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while True:
        page = (await admin.get("/users", params={"limit": 4, "cursor": cursor})).json()
        seen += [account["id"] for account in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break

    assert seen == sorted(set(seen))
    assert len(seen) == 8  # the administrator of the nation is outside the district


async def test_a_password_from_somebody_else_opens_nothing_but_changing_it(
    doors: SystemUnderTest, anyone: Client, admin: Client
) -> None:
    await create_account(admin)
    tokens = await sign_in(anyone, "zhang.san", "Hexi-Corridor-71")
    funds = doors.service("funds").anonymous_client()
    before = await funds.get("/funds/sources", headers=bearer_header(tokens))
    body = {"old": "Hexi-Corridor-71", "new": "Zhang-own-22"}
    answer = await anyone.post("/auth/password", json=body, headers=bearer_header(tokens))
    own = await sign_in(anyone, "zhang.san", "Zhang-own-22")
    after = await funds.get("/funds/sources", headers=bearer_header(own))

    assert (tokens["must_change"], own["must_change"]) == (True, False)
    assert answer.status_code == 204
    assert (before.status_code, after.status_code) == (403, 200)


@pytest.mark.parametrize(
    ("password", "why"),
    [("Ab-1567890"[:9], "10 位"), ("abcdefghij", "3 种"), ("Zhang.san-1", "用户名"), ("1234567890", "3 种")],
)
async def test_a_weak_password_is_refused_with_the_reason(admin: Client, password: str, why: str) -> None:
    answer = await admin.post("/users", json=build_account(password=password))

    assert answer.status_code == 422
    assert list_error_pointers(answer) == [("weak_password", "/password")]
    assert why in answer.json()["detail"]


async def test_a_name_is_taken_once(admin: Client) -> None:
    await create_account(admin)

    assert (await admin.post("/users", json=build_account())).status_code == 409


@pytest.mark.parametrize("other", ["auditor", "finance", "village_clerk"])
async def test_an_administrator_holds_no_other_role(admin: Client, other: str) -> None:
    both = [{"role": "admin", "region": TOWN}, {"role": other, "region": TOWN}]
    answer = await admin.post("/users", json=build_account(grants=both))

    assert answer.status_code == 422
    assert list_error_pointers(answer) == [("separation_of_duties", "/grants/0/role")]


async def test_an_auditor_holds_no_other_role_but_may_change_over(admin: Client) -> None:
    first = {"role": "town_officer", "region": TOWN, "valid_from": "2024-01-01", "valid_to": "2024-06-30"}
    then = {"role": "auditor", "region": TOWN, "valid_from": "2024-07-01"}
    together = await admin.post(
        "/users", json=build_account(grants=[first, {**then, "valid_from": "2024-06-30"}])
    )
    in_turn = await admin.post("/users", json=build_account(grants=[first, then]))

    assert (together.status_code, in_turn.status_code) == (422, 201)


async def test_several_roles_in_several_regions_are_one_account(admin: Client) -> None:
    grants = [{"role": "cadre", "region": VILLAGE}, {"role": "town_officer", "region": TOWN}]
    read = (await create_account(admin, grants=grants)).json()

    assert [(grant["role"], grant["region"]) for grant in read["grants"]] == [
        ("cadre", VILLAGE),
        ("town_officer", TOWN),
    ]


async def test_a_town_administrator_stays_in_their_town(doors: SystemUnderTest, admin: Client) -> None:
    town = doors.service("identity").client_as("admin", TOWN, person="town.keeper")
    wider = await town.post("/users", json=build_account(grants=[{"role": "bureau", "region": DISTRICT}]))
    elsewhere = await town.post("/users", json=build_account(region=OTHER_TOWN))
    seen = {account["id"] for account in (await town.get("/users")).json()["items"]}

    assert list_error_pointers(wider) == [("outside", "/grants/0/region")]
    assert elsewhere.status_code == 404
    assert seen == {"cadre", "town_officer", "village_clerk"}
    assert (await town.get("/users/finance")).status_code == 404


async def test_a_town_administrator_leaves_grants_elsewhere_alone(
    doors: SystemUnderTest, admin: Client
) -> None:
    grants = [{"role": "cadre", "region": VILLAGE}, {"role": "cadre", "region": OTHER_TOWN}]
    account = await create_account(admin, grants=grants)
    town = doors.service("identity").client_as("admin", TOWN, person="town.keeper")
    answer = await update_account(town, account, grants=[{"role": "village_clerk", "region": VILLAGE}])

    assert {(grant["role"], grant["region"]) for grant in answer.json()["grants"]} == {
        ("cadre", OTHER_TOWN),
        ("village_clerk", VILLAGE),
    }


async def test_nobody_changes_their_own_grants(doors: SystemUnderTest, admin: Client) -> None:
    own = doors.service("identity").client_as("admin", DISTRICT, person="zhang.san")
    account = await create_account(admin, grants=[{"role": "admin", "region": TOWN}])

    more = await update_account(own, account, grants=[{"role": "admin", "region": DISTRICT}])
    off = await update_account(own, account, disabled=True)
    renamed = await update_account(own, account, name="张三丰")

    assert (more.status_code, off.status_code, renamed.status_code) == (403, 403, 200)


async def test_an_edit_names_the_version_it_saw(admin: Client) -> None:
    account = await create_account(admin)
    await update_account(admin, account, name="张三丰")
    stale = await update_account(admin, account, name="张无忌")
    blind = await admin.patch("/users/zhang.san", json={"name": "张无忌"})

    assert (stale.status_code, blind.status_code) == (412, 428)


async def test_a_reset_password_unlocks_and_must_be_changed(anyone: Client, admin: Client) -> None:
    for number in range(5):
        await request_token(anyone, username="leader", password=f"guess-{number}")
    account = await admin.get("/users/leader")
    answer = await update_account(admin, account, password="Reset-by-admin1")
    tokens = await sign_in(anyone, "leader", "Reset-by-admin1")

    assert account.json()["locked_until"] is not None
    assert (answer.json()["locked_until"], tokens["must_change"]) == (None, True)


async def test_everybody_sees_their_own_account_and_no_other(doors: SystemUnderTest, anyone: Client) -> None:
    tokens = bearer_header(await sign_in(anyone, "finance"))

    assert [account["id"] for account in (await anyone.get("/users", headers=tokens)).json()["items"]] == [
        "finance"
    ]
    assert (await anyone.get("/users/leader", headers=tokens)).status_code == 404


async def test_no_answer_shows_a_password_hash(admin: Client) -> None:
    await create_account(admin)
    texts = [
        (await admin.get(path)).text
        for path in ("/users", "/users/zhang.san", "/clients", "/identity/events")
    ]

    assert not [text for text in texts if "argon2" in text]


async def test_changes_of_grants_are_events_with_all_grants(admin: Client) -> None:
    account = await create_account(admin)
    await update_account(admin, account, grants=[{"role": "cadre", "region": VILLAGE}])
    events = (await admin.get("/identity/events", params={"subject": "zhang.san"})).json()["items"]

    assert [(event["actor"], event["after"]["grants"]) for event in events] == [
        ("keeper", [["town_officer", TOWN]]),
        ("keeper", [["cadre", VILLAGE]]),
    ]


async def test_a_person_gets_no_machines_role(admin: Client) -> None:
    answer = await admin.post("/users", json=build_account(grants=[{"role": "machine", "region": TOWN}]))
    service = await admin.post("/users", json=build_account(grants=[{"role": "service", "region": TOWN}]))

    assert list_error_pointers(answer) == [("wrong_kind", "/grants/0/role")]
    assert service.status_code == 422


async def test_whoever_is_signed_in_learns_what_an_account_is_called_and_nothing_else(
    doors: SystemUnderTest, admin: Client
) -> None:
    await create_account(admin)
    asked = {"account_id": ["zhang.san", "nobody"]}
    identity = doors.service("identity")
    answer = await identity.client_as("cadre", VILLAGE).get("/users/names", params=asked)

    assert answer.json() == [{"id": "zhang.san", "name": build_account()["name"]}]
    assert (await identity.anonymous_client().get("/users/names", params=asked)).status_code == 401


async def test_whoever_knows_a_persons_whole_name_finds_the_account_in_the_own_county(
    doors: SystemUnderTest, admin: Client
) -> None:
    """A form takes an account: its user name is found by the person's name, in no other county and by no part of it."""
    await create_account(admin)
    name = build_account()["name"]
    identity = doors.service("identity")
    officer = identity.client_as("bureau", DISTRICT)
    found = (await officer.get("/users/names", params={"name": name})).json()

    assert found == [{"id": "zhang.san", "name": name}]
    assert (await officer.get("/users/names", params={"name": name[:1]})).json() == []
    stranger = identity.client_as("bureau", "632323000000")
    assert (await stranger.get("/users/names", params={"name": name})).json() == []
