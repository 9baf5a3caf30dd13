"""Only public servers are called, over HTTPS, whatever their names resolve to."""

import socket
from typing import Any

import pytest

from shared.clients import (
    AddressNotAllowed,
    OutboundHttp,
    OutboundTarget,
    Unreachable,
    check_url,
    is_forbidden,
    parse_target,
    resolve_target,
)
from shared.settings import Settings
from tests.webhook_receiver import run_webhook_receiver

STRICT_SETTINGS = Settings.load("toy", embedded=True)
CLOSED_NETWORK_SETTINGS = Settings.load(
    "toy",
    embedded=True,
    webhook_http=True,
    webhook_networks=("10.20.0.0/16", "127.0.0.0/8"),
    webhook_ports=(),
    webhook_timeout=0.3,
)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "10.20.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "224.0.0.1",
        "255.255.255.255",
        "192.0.0.192",
        "::ffff:192.0.0.192",
        "192.0.0.9",
        "192.88.99.1",
        "100.100.100.200",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a00:1::",
        "2001:0:a00:1::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_public_is_forbidden(address: str) -> None:
    assert is_forbidden(address)


@pytest.mark.parametrize(
    "address", ["202.100.64.1", "8.8.8.8", "2400:3200::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_a_public_address_is_not(address: str) -> None:
    assert not is_forbidden(address)


def test_a_network_the_installation_allows_is_allowed_and_no_other() -> None:
    assert not is_forbidden("10.20.3.4", ("10.20.0.0/16",))
    assert not is_forbidden("::ffff:10.20.3.4", ("10.20.0.0/16",))
    assert is_forbidden("10.21.3.4", ("10.20.0.0/16",))
    assert not is_forbidden("fd00::5", ("10.20.0.0/16", "fd00::/8"))


@pytest.mark.parametrize(
    "url",
    [
        "http://czj.example.gov.cn/in",
        "ftp://czj.example.gov.cn/in",
        "https://",
        "https:///in",
        "https://user:pass@czj.example.gov.cn/in",
        "https://czj.example.gov.cn/in#part",
        "https://czj.example.gov.cn:99999/in",
        "https://czj example/in",
        "https://czj.example\r\nHost: x/in",
        "https://" + "a" * 3000,
        "https://" + "a" * 70 + ".cn/",
        "file:///etc/passwd",
        "https://[::1",
    ],
)
def test_an_address_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(AddressNotAllowed):
        parse_target(url, STRICT_SETTINGS)


def test_plain_http_is_for_installations_that_allow_it() -> None:
    assert parse_target("http://10.20.1.1/in", CLOSED_NETWORK_SETTINGS).port == 80
    assert parse_target("https://财政.cn/in?a=1", STRICT_SETTINGS).host == "财政.cn".encode("idna").decode()
    assert parse_target("https://czj.example.gov.cn:8443", CLOSED_NETWORK_SETTINGS) == OutboundTarget(
        "https", "czj.example.gov.cn", 8443, "/"
    )


@pytest.mark.parametrize("port", [0, 22, 80, 5432, 8443])
def test_another_port_than_https_is_refused(port: int) -> None:
    with pytest.raises(AddressNotAllowed, match="端口"):
        parse_target(f"https://czj.example.gov.cn:{port}/in", STRICT_SETTINGS)
    assert parse_target("https://czj.example.gov.cn:443/in", STRICT_SETTINGS).port == 443


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/in",
        "https://localhost/in",
        "https://2130706433/in",
        "https://0x7f.1/in",
        "https://0177.0.0.1/in",
        "https://[::ffff:127.0.0.1]/in",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.8/in",
    ],
)
async def test_no_way_of_writing_our_own_machine_passes(url: str) -> None:
    with pytest.raises(AddressNotAllowed):
        await resolve_target(parse_target(url, STRICT_SETTINGS), STRICT_SETTINGS)


async def test_a_name_with_one_bad_address_among_good_ones_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lookup(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("8.8.8.8", port)), (*kind, ("10.0.0.8", port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(AddressNotAllowed, match=r"10\.0\.0\.8"):
        await check_url("https://czj.example.gov.cn/in", STRICT_SETTINGS)


async def test_the_address_that_was_checked_is_the_one_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means another machine the second time it is asked for is only asked once."""
    asked = []

    def lookup(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.99.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async with run_webhook_receiver() as stranger:
        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        outside = OutboundHttp(CLOSED_NETWORK_SETTINGS)
        status = await outside.post(f"http://czj.example.gov.cn:{stranger.port}/in", b"{}", {})
        await outside.close()
    assert status == 204
    assert asked[0] == "czj.example.gov.cn"
    assert "czj.example.gov.cn" not in asked[1:]
    assert stranger.requests[0].headers["host"] == f"czj.example.gov.cn:{stranger.port}"


async def test_a_redirect_is_not_followed_and_silence_ends() -> None:
    async with run_webhook_receiver() as stranger:
        outside = OutboundHttp(CLOSED_NETWORK_SETTINGS)
        stranger.answer = lambda _: 302
        assert await outside.post(stranger.url, b"{}", {}) == 302
        assert len(stranger.requests) == 1
        stranger.answer = lambda _: 0
        with pytest.raises(Unreachable, match="没有答复"):
            await outside.post(stranger.url, b"{}", {})
        stranger.answer = lambda _: -1
        with pytest.raises(Unreachable, match="连接失败"):
            await outside.post(stranger.url, b"{}", {})
        await outside.close()
