"""Which servers of others we may call: public ones over HTTPS, and what the installation allows besides.

A name is resolved once and the answer is what is called (shared/clients/http_client.py), so that it cannot come to mean a machine of
ours between the check and the call. Every address it resolves to must be allowed.
"""

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from shared.settings import Settings

MAX_URL_LENGTH = 2000
DEFAULT_PORTS = {"https": 443, "http": 80}
_NAT64 = IPv6Network("64:ff9b::/96")
Address = IPv4Address | IPv6Address


class AddressNotAllowed(Exception):
    """An address we do not call; the message says why, in Chinese."""


class HostNotFound(Exception):
    """The name resolves to nothing at the moment."""


@dataclass(frozen=True, slots=True)
class OutboundTarget:
    """An address taken apart; `host` as names are asked for (IDNA)."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def with_address(self, address: str) -> str:
        """The same target by number."""
        host = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse_target(url: str, settings: Settings) -> OutboundTarget:
    """The parts of an address whose form and scheme are allowed; NotAllowed otherwise."""
    if len(url) > MAX_URL_LENGTH or any(character.isspace() or ord(character) < 32 for character in url):  # noqa: PLR2004
        raise AddressNotAllowed("地址过长, 或含有空白字符")
    try:
        found = urlsplit(url)
        port = found.port
        host = (
            (found.hostname or "").encode("idna").decode()
            if ":" not in (found.hostname or "")
            else found.hostname
        )
    except (ValueError, UnicodeError):
        raise AddressNotAllowed("地址写法不对") from None
    if found.scheme not in DEFAULT_PORTS or (found.scheme == "http" and not settings.webhook_http):
        raise AddressNotAllowed("地址须以 https:// 开头")
    if not host or found.username is not None or found.password is not None or found.fragment:
        raise AddressNotAllowed("地址须有主机名, 不得带用户名, 口令或 #")
    path = (found.path or "/") + (f"?{found.query}" if found.query else "")
    return OutboundTarget(found.scheme, host, port or DEFAULT_PORTS[found.scheme], path)


def is_forbidden(address: str, networks: Iterable[str] = ()) -> bool:
    """Whether an address is loopback, link-local, private or otherwise not public, and no allowed network holds it."""
    ip = _unwrap_ipv4(ip_address(address.partition("%")[0]))
    if any(ip in ip_network(network) for network in networks):
        return False
    site_local = isinstance(ip, IPv6Address) and (ip.is_site_local or ip.teredo is not None)
    return not ip.is_global or ip.is_multicast or ip.is_reserved or site_local


def _unwrap_ipv4(ip: Address) -> Address:
    """The IPv4 address that an IPv6 one only carries."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


async def resolve_target(target: OutboundTarget, settings: Settings) -> list[str]:
    """Every address of the target, all allowed. NotAllowed for one that is not, NotFoundByName when there is none."""
    try:
        rows = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise HostNotFound(f"找不到主机 {target.host}") from None
    found = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if bad := [address for address in found if is_forbidden(address, settings.webhook_networks)]:
        raise AddressNotAllowed(
            f"{target.host} 指向本机或内部网络 {bad[0]}, 不能推送; 需要时由管理员放行该网段"
        )
    return found


async def check_url(url: str, settings: Settings) -> None:
    """NotAllowed when the address may not be called; a name that is not known at the moment passes."""
    target = parse_target(url, settings)
    try:
        await resolve_target(target, settings)
    except HostNotFound:
        return


__all__ = [
    "AddressNotAllowed",
    "HostNotFound",
    "OutboundTarget",
    "check_url",
    "is_forbidden",
    "parse_target",
    "resolve_target",
]
