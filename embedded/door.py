"""The door over TCP: Caddy's configuration, made from what the services declare (embedded/door_process.py runs it).

    python -m embedded.door          the configuration of deploy/docker-compose.yml; --tls for HTTPS
    python -m embedded.door --replica funds=xianjie-funds-1:8000,xianjie-funds-2:8000
Settings that break quietly when they are changed: docs/decisions/0017.
"""

import argparse
import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedded.system import list_services
from shared.errors import ApiError, BadRequest, NotFound, TooLarge, Unavailable
from shared.http import DeclaredRoutes, door_rules
from shared.http.door_errors import (
    BrokenUpstream,
    GatewayTimeout,
    MethodNotAllowed,
    Misdirected,
    RequestTimeout,
    UnsupportedEncoding,
)
from shared.http.rate_limits import HEAVY_SUFFIXES

ROOT = Path(__file__).parents[1]
COMPOSE_HOST = "{$XIANJIE_HOST:localhost}"
ALIVE_PATH = "/door/alive"
HTTPS_PORT = 443


@dataclass(frozen=True)
class DoorTiming:
    """Seconds of the door's deadlines; tests scale them down."""

    header: float = door_rules.READ_TIMEOUT_S
    body_idle: float = door_rules.BODY_IDLE_TIMEOUT_S
    body_rate: int = door_rules.MIN_BODY_BYTES_PER_SECOND
    answer: float = door_rules.ANSWER_TIMEOUT_S
    heavy_answer: float = door_rules.HEAVY_ANSWER_TIMEOUT_S
    health_interval: float = 2.0
    health_fails: int = 2
    retry: float = 5.0


@dataclass(frozen=True)
class DoorPlan:
    """Where the door listens, for whom, and which replicas each service has."""

    replicas: Mapping[str, Sequence[str]]
    routes: Mapping[str, DeclaredRoutes]
    hosts: Sequence[str] = ("127.0.0.1", "localhost")
    port: int = 8000
    bind: str = ""
    tls: bool = False
    own_authority: bool = False
    proxies: Sequence[str] = ()
    admin: str = "off"
    storage: str = ""
    metrics: str = ""
    timing: DoorTiming = field(default_factory=DoorTiming)


@dataclass(frozen=True)
class DoorError:
    """A refusal of the door itself; `caught` is Caddy's status where it differs from the one that callers get."""

    kind: type[ApiError]
    detail: str
    retry_after: str = ""
    caught: int = 0


DOOR_ERRORS = (
    DoorError(BadRequest, "地址或格式不正确"),
    DoorError(NotFound, "没有这个地址"),
    DoorError(MethodNotAllowed, "这个地址不支持该操作"),
    DoorError(RequestTimeout, "请求内容没有在时限内到齐, 请重试"),
    DoorError(TooLarge, "请求内容超过了上限"),
    DoorError(UnsupportedEncoding, "请求内容不能压缩后上传"),
    DoorError(Misdirected, "这里不是所请求的主机"),
    DoorError(BrokenUpstream, "服务中断了连接; 若是提交, 请用同一 Idempotency-Key 重试", "2", caught=502),
    DoorError(Unavailable, "服务暂时联系不上, 请稍后重试", "2"),
    DoorError(GatewayTimeout, "服务未在时限内答复; 若是提交, 请用同一 Idempotency-Key 重试", "5"),
)
"""What Caddy's `handle_errors` answers. 400, 431 and 501 of its HTTP parser are plain English all the same."""


def load_declared_routes() -> dict[str, DeclaredRoutes]:
    """What every service of this code base declares."""
    return {
        name: importlib.import_module(f"services.{name}.main").SERVICE.declared_routes()
        for name in list_services()
    }


def compose_plan(*, tls: bool = False, replicas: Mapping[str, Sequence[str]] | None = None) -> DoorPlan:
    """The plan of deploy/docker-compose.yml."""
    routes = load_declared_routes()
    return DoorPlan(
        replicas={name: (replicas or {}).get(name, (f"{name}:8000",)) for name in routes},
        routes=routes,
        hosts=(COMPOSE_HOST,) if tls else (COMPOSE_HOST, "127.0.0.1"),
        port=443 if tls else 8000,
        tls=tls,
        proxies=("{$XIANJIE_DOOR_PROXIES:127.0.0.255/32}",),
        admin="unix//run/door/admin.sock|0600",
        storage="/data",
        metrics=":9180",
    )


def write_caddyfile(plan: DoorPlan) -> str:
    """The whole configuration."""
    parts = [
        "# The door. Made by `python -m embedded.door` from what the services declare; edit embedded/door.py, then make docs.",
        _global_options(plan),
        _safety(),
        _host(plan),
        _enter(plan),
        _limit(),
        _to(plan.timing),
        _to(plan.timing, streamed=True),
        _site(plan),
    ]
    if plan.metrics:
        parts.append(f"http://{plan.metrics} {{\n\tmetrics /metrics\n}}")
    parts.append(_other_hosts(plan))
    return "\n".join(parts) + "\n"


def _seconds(value: float) -> str:
    return f"{round(value * 1000)}ms"


def _block(head: str, lines: Iterable[str]) -> str:
    inner = "\n".join(f"\t{line}" if line else "" for text in lines for line in text.splitlines())
    return f"{head} {{\n{inner}\n}}"


def _global_options(plan: DoorPlan) -> str:
    timing = plan.timing
    lines = [
        f"admin {plan.admin}",
        "persist_config off",
        "auto_https disable_redirects" if plan.tls else "auto_https off",
        "skip_install_trust",
        # A client of an address without a name does not say whom it wants.
        *([f"default_sni {plan.hosts[0]}"] if plan.own_authority else []),
        *([f"storage file_system {plan.storage}"] if plan.storage else []),
        "grace_period 20s",
        "metrics",
        # On the default log: lines about errors carry address and headers too.
        _block(
            "log default",
            [
                "output stderr",
                "level WARN",
                _block(
                    "format filter",
                    [
                        r"request>uri regexp \?.* ?",
                        "request>headers delete",
                        "resp_headers delete",
                        r"uri regexp \?.* ?",
                        "wrap json",
                    ],
                ),
            ],
        ),
        _block(
            f"servers {plan.bind}:{plan.port}",
            [
                # Without TLS an HTTP/2 preface is answered unless only h1 is named.
                f"protocols {'h1 h2 h3' if plan.tls else 'h1'}",
                f"max_header_size {door_rules.MAX_HEADER_BYTES // 1024}KB",
                _block(
                    "timeouts",
                    [
                        f"read_header {_seconds(timing.header)}",
                        f"read_body_idle {_seconds(timing.body_idle)} {timing.body_rate}",
                        "write_idle 30s",
                        "idle 60s",
                    ],
                ),
                *(
                    [f"trusted_proxies static {' '.join(plan.proxies)}", "trusted_proxies_strict"]
                    if plan.proxies
                    else []
                ),
            ],
        ),
    ]
    return _block("", lines).lstrip()


def _safety() -> str:
    """On every answer, the door's own errors too. Each `?` line stands alone: several in one block are one condition."""
    always = [f'{name} "{value}"' for name, value in door_rules.SECURITY_HEADERS.items()]
    return _block(
        "(safety)",
        [
            _block("header", [*always, "X-Request-Id {vars.rid}", "-Server", "-Via", "defer"]),
            *(f'header ?{name} "{value}"' for name, value in door_rules.DEFAULT_SECURITY_HEADERS.items()),
        ],
    )


def _host(plan: DoorPlan) -> str:
    rows = [
        f'{one.caught or one.kind.status} {one.kind.status} "{one.kind.title}" "{one.detail}" "{one.retry_after}"'
        f' "{one.kind.problem_type()}"'
        for one in DOOR_ERRORS
    ]
    body = (
        '{"type":"{kind}","title":"{title}","status":{status},"detail":"{detail}","request_id":"{vars.rid}"}'
    )
    return _block(
        "(host)",
        [
            *([f"bind {plan.bind}"] if plan.bind else []),
            _block(
                "handle_errors",
                [
                    "import safety",
                    _block(
                        "map {err.status_code} {status} {title} {detail} {retry} {kind}",
                        [
                            *rows,
                            'default {err.status_code} "出错了" "请将请求编号告知管理员" "" "/problems/internal"',
                        ],
                    ),
                    '@again expression `{retry} != ""`',
                    "header @again Retry-After {retry}",
                    "header Content-Type application/problem+json",
                    "header Cache-Control no-store",
                    f"respond `{body}` {{status}}",
                ],
            ),
        ],
    )


def _enter(plan: DoorPlan) -> str:
    removed = [*door_rules.PROXY_CLAIM_HEADERS, *door_rules.IDENTITY_HEADERS]
    if plan.proxies:
        forwarded = [
            f"@outside not remote_ip {' '.join(plan.proxies)}",
            "request_header @outside -X-Forwarded-*",
            *(f"request_header -X-Forwarded-{one}*" for one in ("Po", "Pre", "U", "S", "C")),
        ]
    else:
        forwarded = ["request_header -X-Forwarded-*"]
    return _block(
        "(enter)",
        [
            "vars rid {http.request.uuid}",
            f"@keep header_regexp rid X-Request-Id ^{door_rules.REQUEST_ID_PATTERN}$",
            "vars @keep rid {re.rid.0}",
            "import safety",
            "",
            f"@method not method {' '.join(door_rules.METHODS)}",
            'error @method "method" 405',
            f"@path vars_regexp {{http.request.orig_uri}} {door_rules.BAD_PATH_PATTERN}",
            'error @path "path" 400',
            "@coding header_regexp Content-Encoding .",
            'error @coding "coding" 415',
            "",
            *forwarded,
            *(f"request_header -{name}" for name in removed),
            # Compression renames ETags ("3" becomes "3-gzip"); only If-None-Match is mended by Caddy itself.
            r'request_header If-Match "-(gzip|zstd)\"" "\""',
            _block(
                "encode",
                [
                    "zstd",
                    "gzip",
                    f"minimum_length {door_rules.MIN_COMPRESSED_BYTES}",
                    _block(
                        "match", [f"header Content-Type {kind}*" for kind in door_rules.COMPRESSIBLE_TYPES]
                    ),
                ],
            ),
        ],
    )


def _limit() -> str:
    """Declared sizes are refused before a service is called; undeclared ones are counted."""
    over = '`{header.Content-Length} != "" && int({header.Content-Length}) > {args[0]}`'
    return _block(
        "(limit)",
        [
            f"@over{{args[0]}} expression {over}",
            'error @over{args[0]} "size" 413',
            _block("request_body", ["max_size {args[0]}"]),
        ],
    )


def _to(timing: DoorTiming, *, streamed: bool = False) -> str:
    """The first argument is how long silence lasts before 504, then the replicas.

    Bodies are collected up to 64 KB before a replica is asked, so that slow callers hold no place there, unless `streamed`.

    `max_fails` stays high: broken bodies of callers count as failures of a replica, so the active checks are the judge.
    Only reads are repeated after an answer broke; a write is repeated only when the connection was refused.
    """
    return _block(
        "(stream)" if streamed else "(to)",
        [
            _block(
                "reverse_proxy {args[1:]}",
                [
                    "lb_policy least_conn",
                    f"lb_try_duration {_seconds(timing.retry)}",
                    "lb_try_interval 100ms",
                    "lb_retries 20",
                    _block("lb_retry_match", ["method GET HEAD OPTIONS"]),
                    "fail_duration 2s",
                    "max_fails 20",
                    "unhealthy_request_count 256",
                    "health_uri /readyz",
                    f"health_interval {_seconds(timing.health_interval)}",
                    "health_timeout 2s",
                    f"health_fails {timing.health_fails}",
                    *([] if streamed else ["request_buffers 64KB"]),
                    # Set here and not by request_header: `Connection: x-request-id` would remove what was set before.
                    "header_up X-Forwarded-For {client_ip}",
                    "header_up X-Request-Id {vars.rid}",
                    "header_up X-Time-Left {args[0]}",
                    "header_up -Via",
                    "header_up -Te",
                    _block(
                        "transport http",
                        [
                            "versions 1.1",
                            "dial_timeout 1s",
                            "response_header_timeout {args[0]}s",
                            "keepalive 30s",
                            "keepalive_idle_conns_per_host 64",
                            "max_response_header 32KB",
                            "compression off",
                        ],
                    ),
                ],
            )
        ],
    )


def _service(name: str, routes: DeclaredRoutes, replicas: Sequence[str], timing: DoorTiming) -> str:
    targets = " ".join(replicas)
    paths = [path for prefix in routes.prefixes for path in _subtree(prefix)]
    slow = [*routes.large, *(f"*{suffix}" for suffix in HEAVY_SUFFIXES)]
    streamed = [path for path in door_rules.STREAMED_PREFIXES if path in routes.prefixes]
    streams = [
        f"@{name}_stream path {' '.join(one for path in streamed for one in _subtree(path))}",
        _block(
            f"handle @{name}_stream",
            [
                f"import limit {door_rules.MAX_LARGE_BODY_BYTES}",
                f"import stream {timing.heavy_answer:g} {targets}",
            ],
        ),
    ]
    return "\n".join(
        [
            f"@{name} path {' '.join(paths)}",
            _block(
                f"handle @{name}",
                [
                    *(streams if streamed else []),
                    f"@{name}_slow path {' '.join(slow)}",
                    _block(
                        f"handle @{name}_slow",
                        [
                            f"import limit {door_rules.MAX_LARGE_BODY_BYTES}",
                            f"import to {timing.heavy_answer:g} {targets}",
                        ],
                    ),
                    _block(
                        "handle",
                        [
                            f"import limit {door_rules.MAX_BODY_BYTES}",
                            f"import to {timing.answer:g} {targets}",
                        ],
                    ),
                ],
            ),
        ]
    )


def _subtree(prefix: str) -> tuple[str, ...]:
    """Patterns of a prefix and everything below it; the first page has nothing below."""
    return (prefix,) if prefix == "/" else (prefix, f"{prefix}/*")


def _site(plan: DoorPlan) -> str:
    services = [
        _service(name, routes, plan.replicas[name], plan.timing) for name, routes in plan.routes.items()
    ]
    addresses = ", ".join(f"{_scheme(plan)}://{host}:{plan.port}" for host in plan.hosts)
    alive = _block(f"handle {ALIVE_PATH}", ['respond "ok" 200'])
    # Inside `route`, because directives are sorted otherwise and `error` would come after `handle`.
    body = ["import enter", alive, *services, _block("handle", ["error 404"])]
    own = ["tls internal"] if plan.own_authority else []
    return _block(addresses, ["import host", *own, _block("route", body)])


def _other_hosts(plan: DoorPlan) -> str:
    """Any other Host is refused; without this site Caddy answers 200 with an empty body."""
    made = [_block("route", ["import enter", "error 421"])]
    found = _block(
        f"{_scheme(plan)}://:{plan.port}", ["import host", *(["tls internal"] if plan.tls else []), *made]
    )
    if plan.tls and plan.port == HTTPS_PORT:
        hosts = ", ".join(f"http://{host}:80" for host in plan.hosts)
        found += f"\n{hosts} {{\n\tredir https://{{host}}{{uri}} 308\n}}"
    return found


def _scheme(plan: DoorPlan) -> str:
    return "https" if plan.tls else "http"


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="embedded.door", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--replica", action="append", default=[], metavar="SERVICE=ADDRESS,...")
    asked = parser.parse_args(arguments)
    replicas = {name: where.split(",") for name, _, where in (one.partition("=") for one in asked.replica)}
    sys.stdout.write(write_caddyfile(compose_plan(tls=asked.tls, replicas=replicas)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
