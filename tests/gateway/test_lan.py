"""`make run LAN=1`: a phone in the same network reaches the run over HTTPS."""

import re
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.gateway.echo_services import open_listening_socket
from tests.gateway.test_run import ROOT, RUN_COMMAND

pytestmark = pytest.mark.timeout(600)  # starts the whole system, on whatever machine


def _wait_for_certificate(phone: httpx.Client) -> httpx.Response:
    """Ask until the door has signed its certificate, which takes a moment on a new folder."""
    for _ in range(120):
        try:
            return phone.get("/healthz")
        except httpx.ConnectError:
            time.sleep(0.5)
    return phone.get("/healthz")


def test_phones_reach_the_run_over_https(tmp_path: Path) -> None:
    with open_listening_socket() as taken:
        port = taken.getsockname()[1]
    process = subprocess.Popen(
        [*RUN_COMMAND, str(tmp_path / "var"), "--lan", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = next((line for line in process.stdout if "https://" in line), "")
        match = re.search(r"https://[0-9.]+:[0-9]+", line)
        assert match, process.communicate()
        with httpx.Client(base_url=match[0], verify=False, timeout=60) as phone:  # noqa: S501 - its own authority
            form = {"grant_type": "password", "username": "cadre", "password": "Xianjie-2022"}
            assert _wait_for_certificate(phone).status_code == 200
            assert phone.post("/api/v1/auth/token", data=form).status_code == 200
            page = phone.get("/m/")
        assert page.headers["content-type"].startswith("text/html")
        assert "geolocation=(self)" in page.headers["permissions-policy"]
        assert (tmp_path / "var" / "door" / "pki" / "authorities" / "local" / "root.crt").is_file()
        assert any("█" in line or "▀" in line for line in process.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
