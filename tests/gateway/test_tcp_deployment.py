"""A deployment over TCP: first administrator, reads, a restarted service, and refused starts."""

from collections.abc import Iterator

import httpx
import pyotp
import pytest

from tests.conftest import DatabaseTemplates
from tests.gateway.deployment import ADMIN_PASSWORD, Deployment, create_first_admin


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, templates: DatabaseTemplates) -> Iterator[Deployment]:
    """Trees, ports and databases; no service runs yet."""
    created = Deployment(tmp_path_factory.mktemp("deployment"), templates, images=True)
    yield created
    for url in created.databases.values():
        templates.release_copy(url)


@pytest.fixture
def deployment(prepared: Deployment) -> Iterator[Deployment]:
    """A deployment with all services running."""
    for service in prepared.ports:
        prepared.start_service(service)
    try:
        for service in prepared.ports:
            prepared.wait_until_ready(service)
        door = prepared.start_door()
        yield prepared
        door.terminate()
        door.wait()
    finally:
        for process in prepared.running.values():
            process.kill()
            process.wait()


@pytest.fixture
def browser(deployment: Deployment) -> Iterator[httpx.Client]:
    """A client of the gateway."""
    with httpx.Client(base_url=f"{deployment.url}/api/v1", timeout=30) as client:
        yield client


RECOVERY_CODES: dict[str, list[str]] = {}
"""Codes of those who set up a second factor, taken from the front."""


def sign_in(client: httpx.Client, name: str, password: str = ADMIN_PASSWORD) -> None:
    form = {"grant_type": "password", "username": name, "password": password}
    if name in RECOVERY_CODES:
        form["otp"] = RECOVERY_CODES[name].pop(0)
    answer = client.post("/auth/token", data=form)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    if tokens["must_enrol"] and not tokens["must_change"]:
        secret = client.post("/auth/second-factor").json()["secret"]
        confirmed = client.post("/auth/second-factor/confirm", json={"code": pyotp.TOTP(secret).now()})
        RECOVERY_CODES[name] = confirmed.json()["codes"]
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        fresh = client.post("/auth/token", data=refresh).json()
        client.headers["Authorization"] = f"Bearer {fresh['access_token']}"


def check_first_admin(deployment: Deployment, browser: httpx.Client) -> None:
    """The first administrator can be created once, with a password that is not publicly known."""
    form = {"grant_type": "password", "username": "finance", "password": "Xianjie-2022"}
    assert browser.post("/auth/token", data=form).status_code == 400, "no demo accounts here"
    assert create_first_admin(deployment, "boss", "Xianjie-2022") == (1, "这个口令人人知道, 请换一个\n")
    assert create_first_admin(deployment, "boss", "short")[0] == 1
    assert create_first_admin(deployment, "boss", "onlysmallletters")[0] == 1
    assert create_first_admin(deployment, "boss", ADMIN_PASSWORD) == (0, "管理员 boss 已添加\n")
    assert create_first_admin(deployment, "second", ADMIN_PASSWORD) == (
        1,
        "已有管理员 boss, 请由其添加账号\n",
    )


def check_officer_account(browser: httpx.Client) -> None:
    """The administrator creates an account, whose owner must change the initial password."""
    sign_in(browser, "boss")
    officer = {
        "id": "zhang.san",
        "name": "张三",
        "region": "620602000000",
        "password": ADMIN_PASSWORD,
        "grants": [{"role": "finance", "region": "620602000000"}],
    }
    created = browser.post("/users", json=officer)
    assert created.status_code == 201, created.text
    sign_in(browser, "zhang.san")
    assert browser.get("/home").json()["roles"] == [], "an initial password gives no role"
    own = "Huangyang-2032-Ba"
    assert browser.post("/auth/password", json={"old": ADMIN_PASSWORD, "new": own}).status_code == 204
    sign_in(browser, "zhang.san", own)


def check_reads(browser: httpx.Client) -> None:
    """Reads, ETags and body limits pass through the gateway."""
    plans = browser.get("/funds/plans")
    assert (plans.status_code, plans.json()["items"]) == (200, [])
    tagged = browser.get("/funds/plans", headers={"If-None-Match": plans.headers["etag"]})
    assert (tagged.status_code, tagged.content) == (304, b"")
    large = browser.post(
        "/funds/sources", content=b" " * 70_000, headers={"Content-Type": "application/json"}
    )
    assert large.status_code == 413


def check_service_restart(deployment: Deployment, browser: httpx.Client) -> None:
    """A dead service is named, the others answer, and it answers again after its restart."""
    deployment.kill_service("funds")
    refused = browser.get("/funds/plans")
    assert refused.status_code in {502, 503}
    assert int(refused.headers["retry-after"]) > 0
    assert browser.get("/projects").status_code == 200
    assert [part["service"] for part in browser.get("/home").json()["missing"]] == ["funds"]
    assert browser.get(f"{deployment.url}/status").status_code == 503
    deployment.start_service("funds")
    deployment.wait_until_ready("funds")
    assert browser.get("/funds/plans").status_code == 200
    assert browser.get("/home").json()["missing"] == []


@pytest.mark.timeout(900)  # starts seven processes, on whatever machine
def test_a_deployment_serves_from_empty_databases_and_survives_a_dead_service(
    deployment: Deployment, browser: httpx.Client
) -> None:
    """One test for all steps, since starting all processes is slow."""
    assert browser.get(f"{deployment.url}/status").json()["status"] == "ok"
    check_first_admin(deployment, browser)
    check_officer_account(browser)
    check_reads(browser)
    check_service_restart(deployment, browser)
    assert deployment.stop_all() == [0] * len(deployment.ports)


@pytest.mark.usefixtures("_built")
def test_a_deployment_with_demo_accounts_does_not_start(
    prepared: Deployment, templates: DatabaseTemplates
) -> None:
    demo = templates.clone_template("identity")
    try:
        process = prepared.run_module(
            "identity", "shared.app.serve", "identity", "--port", "0", IDENTITY_DATABASE_URL=demo
        )
        _, errors = process.communicate(timeout=60)
    finally:
        templates.release_copy(demo)
    assert process.returncode == 1
    assert "仍在使用公开口令" in errors
    assert len(errors.strip().splitlines()) == 1, errors


def test_a_missing_secret_and_a_closed_database_are_one_sentence_each(prepared: Deployment) -> None:
    for variables, message in (
        ({"XIANJIE_SERVICE_KEY": "short"}, "XIANJIE_SERVICE_KEY 必须设置"),
        ({"FUNDS_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}, "funds 数据库打不开"),
    ):
        process = prepared.run_module("funds", "shared.app.serve", "funds", "--port", "0", **variables)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert message in errors
        assert len(errors.strip().splitlines()) == 1, errors
