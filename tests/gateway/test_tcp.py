"""Every service as a process of its own, from the tree and the environment its container has."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedded.processes import free_ports
from embedded.system import service_names
from shared.migrate import has_database
from tests.conftest import Templates
from tests.gateway import compose

PASSWORD = "a long enough password"
START_S = 240


class Deployment:
    """The containers' processes, without the containers."""

    def __init__(self, folder: Path, templates: Templates) -> None:
        env = compose.secrets()
        self.ports = free_ports(service_names())
        self.url = f"http://127.0.0.1:{self.ports['gateway']}"
        peers = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items() if name != "gateway"}
        self.trees = {name: compose.image(name, folder) for name in self.ports}
        self.environments = {
            name: compose.environment(name, env)
            | {"XIANJIE_PEERS": json.dumps(peers), "XIANJIE_VAR": str(folder / "data" / name)}
            for name in self.ports
        }
        self.databases = {name: templates.empty() for name in self.ports if has_database(name)}
        for name, url in self.databases.items():
            assert f"{name.upper()}_DATABASE_URL" in self.environments[name]
            self.environments[name][f"{name.upper()}_DATABASE_URL"] = url
        self.running: dict[str, subprocess.Popen[str]] = {}

    def module(self, service: str, *arguments: str, **given: Any) -> subprocess.Popen[str]:
        """A Python module run in a service's image."""
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=self.trees[service],
            env={"PATH": os.environ["PATH"], **self.environments[service], **given},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, service: str) -> None:
        """Start a service as its image's command does."""
        port = str(self.ports[service])
        errors = self.trees[service] / "log"
        with errors.open("a") as log:
            self.running[service] = subprocess.Popen(
                [sys.executable, "-m", "shared.serve", service, "--host", "127.0.0.1", "--port", port],
                cwd=self.trees[service],
                env={"PATH": os.environ["PATH"], **self.environments[service]},
                stderr=log,
                text=True,
            )

    def wait(self, service: str) -> None:
        """Until it answers."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self.running[service].poll() is None, (self.trees[service] / "log").read_text()[-3000:]
            try:
                if httpx.get(f"http://127.0.0.1:{self.ports[service]}/healthz").status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        pytest.fail(f"{service} does not answer")

    def kill(self, service: str) -> None:
        """As a power cut would."""
        self.running[service].kill()
        self.running[service].wait()

    def end(self) -> list[int]:
        """End all as `docker compose down` does; their exit codes."""
        for process in self.running.values():
            process.terminate()
        return [process.wait(30) for process in self.running.values()]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Deployment]:
    """Trees, ports and databases; nothing runs yet."""
    made = Deployment(tmp_path_factory.mktemp("deployment"), templates)
    yield made
    for url in made.databases.values():
        templates.drop(url)


@pytest.fixture
def deployment(prepared: Deployment) -> Iterator[Deployment]:
    """Everything running."""
    made = prepared
    for service in made.ports:
        made.start(service)
    try:
        for service in made.ports:
            made.wait(service)
        yield made
    finally:
        for process in made.running.values():
            process.kill()
            process.wait()


@pytest.fixture
def browser(deployment: Deployment) -> Iterator[httpx.Client]:
    """A client of the gateway."""
    with httpx.Client(base_url=f"{deployment.url}/api/v1", timeout=30) as client:
        yield client


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> None:
    form = {"grant_type": "password", "username": name, "password": password}
    answer = client.post("/auth/token", data=form)
    assert answer.status_code == 200, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def first_admin(deployment: Deployment, name: str, password: str) -> tuple[int, str]:
    process = deployment.module("identity", "services.identity.first_admin", name)
    said, complaint = process.communicate(f"{password}\n", timeout=60)
    assert "Traceback" not in complaint
    return process.returncode, said + complaint


def is_founded(deployment: Deployment, browser: httpx.Client) -> None:
    """Nobody is there; one administrator can be made, once, with a real secret."""
    form = {"grant_type": "password", "username": "finance", "password": "Xianjie-2022"}
    assert browser.post("/auth/token", data=form).status_code == 400, "no demo accounts here"
    assert first_admin(deployment, "boss", "Xianjie-2022") == (1, "这个口令人人知道, 请换一个\n")
    assert first_admin(deployment, "boss", "short")[0] == 1
    assert first_admin(deployment, "boss", PASSWORD)[0] == 0
    assert first_admin(deployment, "second", PASSWORD) == (1, "已有管理员 boss, 请由其添加账号\n")


def has_an_officer(browser: httpx.Client) -> None:
    """The administrator adds somebody, who signs in."""
    sign_in(browser, "boss")
    officer = {
        "id": "zhang.san",
        "name": "张三",
        "region": "620602000000",
        "password": PASSWORD,
        "grants": [{"role": "finance", "region": "620602000000"}],
    }
    made = browser.post("/users", json=officer)
    assert made.status_code == 201, made.text
    sign_in(browser, "zhang.san")


def reads(browser: httpx.Client) -> None:
    """Reads, tags and limits go through the gateway both ways."""
    plans = browser.get("/funds/plans")
    assert (plans.status_code, plans.json()["items"]) == (200, [])
    tagged = browser.get("/funds/plans", headers={"If-None-Match": plans.headers["etag"]})
    assert (tagged.status_code, tagged.content) == (304, b"")
    large = browser.post(
        "/funds/sources", content=b" " * 70_000, headers={"Content-Type": "application/json"}
    )
    assert large.status_code == 413


def lives_through_a_death(deployment: Deployment, browser: httpx.Client) -> None:
    """A dead service is named, the others answer, and it comes back."""
    deployment.kill("funds")
    refused = browser.get("/funds/plans")
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert browser.get("/projects").status_code == 200
    assert [one["service"] for one in browser.get("/home").json()["missing"]] == ["funds"]
    assert browser.get(f"{deployment.url}/readyz").status_code == 503
    deployment.start("funds")
    deployment.wait("funds")
    assert browser.get("/funds/plans").status_code == 200
    assert browser.get("/home").json()["missing"] == []


@pytest.mark.timeout(900)  # starts seven processes, on whatever machine
def test_a_deployment_from_empty_to_a_reader_of_funds_and_through_a_death(
    deployment: Deployment, browser: httpx.Client
) -> None:
    """One story, since starting everything is dear."""
    assert browser.get(f"{deployment.url}/readyz").json()["status"] == "ok"
    is_founded(deployment, browser)
    has_an_officer(browser)
    reads(browser)
    lives_through_a_death(deployment, browser)
    assert deployment.end() == [0] * len(deployment.ports)


@pytest.mark.usefixtures("_built")
def test_a_deployment_with_demo_accounts_does_not_start(prepared: Deployment, templates: Templates) -> None:
    demo = templates.clone("identity")
    try:
        process = prepared.module(
            "identity", "shared.serve", "identity", "--port", "0", IDENTITY_DATABASE_URL=demo
        )
        _, complaint = process.communicate(timeout=60)
    finally:
        templates.drop(demo)
    assert process.returncode == 1
    assert "仍在使用公开口令" in complaint
    assert len(complaint.strip().splitlines()) == 1, complaint


def test_a_missing_secret_and_a_closed_database_are_one_sentence_each(prepared: Deployment) -> None:
    for given, words in (
        ({"XIANJIE_SERVICE_KEY": "short"}, "XIANJIE_SERVICE_KEY 必须设置"),
        ({"FUNDS_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}, "funds 数据库打不开"),
    ):
        process = prepared.module("funds", "shared.serve", "funds", "--port", "0", **given)
        _, complaint = process.communicate(timeout=60)
        assert process.returncode == 1
        assert words in complaint
        assert len(complaint.strip().splitlines()) == 1, complaint
