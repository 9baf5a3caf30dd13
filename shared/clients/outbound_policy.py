"""Policy for calls to external servers (SSRF protection): public addresses over HTTPS, plus configured exceptions.

A host name is resolved once and the checked address is called (shared/clients/http_client.py), so that the name cannot
resolve to an internal address between check and call (DNS rebinding). Every resolved address must be allowed.
"""

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from shared.settings import Settings

MAX_URL_LENGTH = 2000
DEFAULT_PORTS = {"https": 443, "http": 80}
_NAT64 = IPv6Network("64:ff9b::/96")
_ASSIGNED_TO_PROTOCOLS = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""RFC 6890 and RFC 7526: Python calls parts of them public; metadata of clouds was served at 192.0.0.192."""
Address = IPv4Address | IPv6Address


class AddressNotAllowed(Exception):
    """The URL may not be called; the message gives the reason in Chinese."""


class HostNotFound(Exception):
    """The host name cannot be resolved."""


@dataclass(frozen=True, slots=True)
class OutboundTarget:
    """A parsed URL; `host` is IDNA-encoded."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def with_address(self, address: str) -> str:
        """The URL with an IP address in place of the host name."""
        host = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse_target(url: str, settings: Settings) -> OutboundTarget:
    """Parse a URL; AddressNotAllowed when its form, scheme or port is not allowed."""
    if len(url) > MAX_URL_LENGTH or any(character.isspace() or ord(character) < 32 for character in url):  # noqa: PLR2004
        raise AddressNotAllowed("地址过长, 或含有空白字符")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (
            (parts.hostname or "").encode("idna").decode()
            if ":" not in (parts.hostname or "")
            else parts.hostname
        )
    except (ValueError, UnicodeError):
        raise AddressNotAllowed("地址写法不对") from None
    if parts.scheme not in DEFAULT_PORTS or (parts.scheme == "http" and not settings.webhook_http):
        raise AddressNotAllowed("地址须以 https:// 开头")
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressNotAllowed("地址须有主机名, 不得带用户名, 口令或 #")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    is_plain = parts.scheme == "http" and port == DEFAULT_PORTS["http"]
    if settings.webhook_ports and port not in settings.webhook_ports and not is_plain:
        allowed = "、".join(map(str, settings.webhook_ports))
        raise AddressNotAllowed(f"端口只能是 {allowed}; 需要时由管理员放行其他端口")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return OutboundTarget(parts.scheme, host, port, path)


def is_forbidden(address: str, networks: Iterable[str] = ()) -> bool:
    """Whether an IP address is not public (loopback, link-local, private, …) and in none of the allowed networks."""
    ip = _unwrap_ipv4(ip_address(address.partition("%")[0]))
    if any(ip in ip_network(network) for network in networks):
        return False
    site_local = isinstance(ip, IPv6Address) and (ip.is_site_local or ip.teredo is not None)
    assigned = any(ip in network for network in _ASSIGNED_TO_PROTOCOLS)
    return not ip.is_global or ip.is_multicast or ip.is_reserved or site_local or assigned


def _unwrap_ipv4(ip: Address) -> Address:
    """The IPv4 address embedded in an IPv6 address (NAT64, mapped, 6to4), else the address itself."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


async def resolve_target(target: OutboundTarget, settings: Settings) -> list[str]:
    """Resolve the host to IP addresses; AddressNotAllowed if any is forbidden, HostNotFound if there is none."""
    try:
        rows = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise HostNotFound(f"找不到主机 {target.host}") from None
    addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if forbidden := [address for address in addresses if is_forbidden(address, settings.webhook_networks)]:
        raise AddressNotAllowed(
            f"{target.host} 指向本机或内部网络 {forbidden[0]}, 不能推送; 需要时由管理员放行该网段"
        )
    return addresses


async def check_url(url: str, settings: Settings) -> None:
    """Raise AddressNotAllowed when the URL may not be called; a host name that cannot be resolved now passes."""
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
