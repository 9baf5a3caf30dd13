"""The door of a one-process run for phones in the same network: HTTPS by Caddy's own authority, address and QR code printed.

Phones give a page its place and let it be installed only over HTTPS.
"""

import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import segno

from embedded.door import DoorPlan, load_declared_routes
from embedded.door_process import run_door
from embedded.run_environment import HOST
from embedded.system import list_services
from shared.settings import StartupError

UNREACHABLE = ("192.0.2.1", 9)
"""An address of documentation: choosing the way to it sends nothing."""
LAN_TEXT = """手机(同一无线网)  {url}/m/
  装到手机、离线使用: 把 {var}/door/pki/authorities/local/root.crt 传到手机, 在设置里安装为受信任的证书
"""


def find_lan_address() -> str:
    """The address of this machine in its network; StartupError when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(UNREACHABLE)
            found = str(probe.getsockname()[0])
        except OSError as error:
            raise StartupError("这台机器没有连上网络, LAN=1 用不了") from error
    return found


def plan_lan_door(address: str, port: int, target: int, storage: Path) -> DoorPlan:
    """The door at the address; every service is behind the one port."""
    return DoorPlan(
        replicas=dict.fromkeys(list_services(), (f"{HOST}:{target}",)),
        routes=load_declared_routes(),
        hosts=(address,),
        port=port,
        bind=address,
        tls=True,
        own_authority=True,
        storage=str(storage),
    )


@asynccontextmanager
async def open_lan_door(address: str, port: int, target: int, home: Path) -> AsyncGenerator[None]:
    """Caddy at the address until the block ends, when there is an address."""
    if not address:
        yield
        return
    async with run_door(plan_lan_door(address, port, target, home / "door")):
        url = f"https://{address}:{port}"
        sys.stdout.write(LAN_TEXT.format(url=url, var=home))
        segno.make(f"{url}/m/").terminal(out=sys.stdout, compact=True)
        sys.stdout.flush()
        yield
