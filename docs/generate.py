"""`python -m docs.generate [--check]`: generate the reference pages from the code they describe.

docs/lifecycles.md  docs/events.md  docs/access.md  docs/rules.md  docs/records.md  docs/openapi/<service>.json  web/LICENCES.md
"""

import argparse
import importlib
import json
import pkgutil
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

import services
import shared.clients
from embedded.run_secrets import load_or_create_secrets
from embedded.system import System
from shared.auth import permissions
from shared.events import SUBSCRIBERS, Event
from shared.lifecycle import Lifecycle
from shared.records import BoundKind, RecordKind
from shared.rules import RuleEntry, RuleKey, read_rule_files
from shared.settings import Settings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GENERATED_NOTICE = "<!-- made by `make docs` from the code; edit the tables, not this page -->\n\n"


def main(arguments: list[str] | None = None) -> int:
    """Write all pages; with --check, list the stale ones and return 1 when there are any."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is stale")
    check = parser.parse_args(arguments).check
    pages = build_pages()
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text]
    if check:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run `make docs`\n")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(pages[path], "utf-8")
    return 0


def build_pages() -> dict[Path, str]:
    """Build every generated page: path → text."""
    apps = build_apps()
    pages = {
        DOCS / "lifecycles.md": _render_lifecycles(),
        DOCS / "events.md": _render_events(),
        DOCS / "access.md": _render_access(apps),
        DOCS / "records.md": _render_records(apps),
        DOCS / "rules.md": _render_rules(apps),
    }
    pages[ROOT / "web" / "LICENCES.md"] = _render_licences()
    for name, app in apps.items():
        text = json.dumps(app.openapi(), ensure_ascii=False, indent=1, sort_keys=True)
        pages[DOCS / "openapi" / f"{name}.json"] = text + "\n"
    return pages


@cache
def build_apps() -> dict[str, FastAPI]:
    """Build the apps of all services without starting them, once a process."""
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder)
        secrets = load_or_create_secrets(var)
        return System(
            lambda name: Settings.load(name, embedded=True, var=var, database_url="sqlite://", **secrets)
        ).apps


def _iterate_modules(package: Any) -> Iterator[Any]:  # noqa: ANN401 - modules have no type of their own
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            yield importlib.import_module(module.name)


def _render_lifecycles() -> str:
    parts = ["# Lifecycles 生命周期\n\n", GENERATED_NOTICE]
    for module in _iterate_modules(services):
        if module.__name__.endswith(".lifecycle"):
            lifecycles = [value for value in vars(module).values() if isinstance(value, Lifecycle)]
            for lifecycle in lifecycles:
                parts.append(f"## {lifecycle.title} `{lifecycle.name}`\n\n`{module.__name__}`\n\n")
                parts.append(f"```mermaid\n{lifecycle.to_mermaid()}\n```\n\n{lifecycle.to_markdown()}\n\n")
    return "".join(parts).rstrip() + "\n"


def list_events() -> dict[str, type[Event]]:
    """List every event class of the services, by topic."""
    for package in (shared, shared.clients, services):
        list(_iterate_modules(package))
    events: dict[str, type[Event]] = {}
    unvisited = [Event]
    while unvisited:
        event = unvisited.pop()
        unvisited += event.__subclasses__()
        # Tests define events of their own.
        in_project = event.__module__.partition(".")[0] in {"shared", "services"}
        if in_project and isinstance(event.__dict__.get("topic"), str):
            events[event.topic] = event
    return dict(sorted(events.items()))


def _render_events() -> str:
    lines = [
        "# Events 事件\n\n",
        GENERATED_NOTICE,
        "| topic | what happened | fields | goes to |\n|---|---|---|---|\n",
    ]
    for topic, event in list_events().items():
        summary = (event.__doc__ or "").strip().splitlines()[0]
        fields = ", ".join(f"`{name}`" for name in event.model_fields)
        lines.append(f"| `{topic}` | {summary} | {fields} | {', '.join(SUBSCRIBERS.get(topic, ()))} |\n")
    return "".join(lines)


def _render_access(apps: dict[str, FastAPI]) -> str:
    parts = [
        "# Access 权限\n\n",
        GENERATED_NOTICE,
        "## Who may do what, where\n\n",
        permissions.permissions_markdown(),
        "\n\n行业主管部门只办理主管部门是本单位(或没有写明)的项目、支付和资产, 查看仍按辖区; 其账号须登记单位.\n\n",
    ]
    for name, app in apps.items():
        parts.append(
            f"## Routes of {name}\n\n| method | address | permission | body limit |\n|---|---|---|---|\n"
        )
        rows = []
        for context in iter_route_contexts(app.routes):
            route = context.original_route
            if isinstance(route, APIRoute):
                extra = route.openapi_extra or {}
                required = ", ".join(f"`{may}`" for may in extra.get("x-permission", []))
                for method in sorted(route.methods or ()):
                    rows.append(
                        f"| {method} | `{context.path}` | {required} | {extra.get('x-body-limit', '')} |\n"
                    )
        parts += [*sorted(rows, key=lambda row: row.split("|")[2]), "\n"]
    return "".join(parts).rstrip() + "\n"


def _render_records(apps: dict[str, FastAPI]) -> str:
    parts = ["# Records 记录种类\n\n", GENERATED_NOTICE]
    for name, app in apps.items():
        kinds: tuple[BoundKind, ...] = getattr(app.state, "kinds", ())
        if kinds:
            parts.append(f"## {name}\n\n")
            parts.append("| kind | 种类 | list | read by | columns | parents | waits for somebody |\n")
            parts.append("|---|---|---|---|---|---|---|\n")
            parts += [_render_kind(bound.kind) for bound in kinds]
            parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _render_kind(kind: RecordKind) -> str:
    waits = [f"{one.words} `{'`, `'.join(one.actions)}`" for one in kind.turns]
    waits += [f"{one.words} `{'`, `'.join(one.may)}`" for one in kind.todo]
    cells = (
        f"`{kind.name}`",
        kind.label + (" (phone)" if kind.phone else ""),
        f"`{kind.path}`",
        f"`{kind.may}`",
        ", ".join(f"`{column}`" for column in kind.columns),
        ", ".join(f"`{field}` → {parent}" for field, parent in kind.parents.items()),
        "<br>".join(waits),
    )
    return "| " + " | ".join(cells) + " |\n"


def _render_licences() -> str:
    """The libraries whose code is in the built pages, from the lock of web/."""
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text("utf-8"))["packages"]
    rows = [
        f"| {path.removeprefix('node_modules/')} | {one['version']} | {one.get('license', '')} |"
        for path, one in sorted(lock.items())
        if path and not one.get("dev")
    ]
    table = "\n".join(["| library | version | licence |", "|---|---|---|", *rows])
    return f"# Libraries of the pages\n\n{GENERATED_NOTICE}{table}\n"


def _render_rules(apps: dict[str, FastAPI]) -> str:
    parts = ["# Rules 规则\n\n", GENERATED_NOTICE]
    registries = [app.state.context.rules.registry for app in apps.values()]
    keys = {key.key: key for registry in registries for key in registry}
    for folder in [ROOT / "shared" / "notices", *sorted((ROOT / "services").glob("*/rules"))]:
        entries = [one.entry for one in read_rule_files(folder)]
        if entries:
            parts.append(
                f"## {folder.relative_to(ROOT)}\n\n| rule | 规则 | value | from | to | basis | confirmed |\n"
            )
            parts.append("|---|---|---|---|---|---|---|\n")
            parts += [_render_rule(entry) for entry in entries]
            parts.append(
                "\n### Shapes\n\n| rule | field | 名称 | type and bounds | who may change it |\n|---|---|---|---|---|\n"
            )
            for name in dict.fromkeys(entry.key for entry in entries):
                may = sorted(
                    {
                        registry.get_permission(keys[name])
                        for registry in registries
                        if registry.find_key(name)
                    }
                )
                parts += _render_shape(keys[name], " / ".join(f"`{one}`" for one in may))
            parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _render_shape(key: RuleKey[Any], may: str) -> list[str]:
    schema = key.json_schema()
    who = may + (", then a second person" if key.needs_second_person else "")
    fields = list(_list_fields(schema, schema.get("$defs", {}), ""))
    return [
        f"| {f'`{key.key}`' if not at else ''} | {f'`{name}`' if name else ''} | {title} | {bounds} | {who if not at else ''} |\n"
        for at, (name, title, bounds) in enumerate(fields)
    ]


def _list_fields(
    schema: dict[str, Any], definitions: dict[str, Any], name: str
) -> Iterator[tuple[str, str, str]]:
    """Every field under a schema: its path, its Chinese title, its type and bounds."""
    named = schema.get("title", "")
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if options := [one for one in schema.get("anyOf", []) if one.get("type") != "null"]:
        schema = {**options[0], "optional": True}
    if properties := schema.get("properties"):
        for child, inner in properties.items():
            yield from _list_fields(inner, definitions, f"{name}.{child}".lstrip("."))
        return
    yield name, named, _describe_type(schema)
    for child in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(child, dict):
            inner = definitions[child["$ref"].rpartition("/")[2]] if "$ref" in child else child
            if "properties" in inner:
                yield from _list_fields(inner, definitions, f"{name}[]")


SIZE_KEYWORDS = (
    ("minLength", "maxLength", "characters"),
    ("minItems", "maxItems", "items"),
    ("minProperties", "maxProperties", "entries"),
)


def _describe_type(schema: dict[str, Any]) -> str:
    words = [str(schema.get("type", "object"))]
    if choices := schema.get("enum"):
        words.append("one of " + ", ".join(str(one) for one in choices))
    if "minimum" in schema or "maximum" in schema:
        words.append(f"{schema.get('minimum', '')}–{schema.get('maximum', '')}")
    for low, high, unit in (
        ("minLength", "maxLength", "characters"),
        ("minItems", "maxItems", "items"),
        ("minProperties", "maxProperties", "entries"),
    ):
        if low in schema or high in schema:
            words.append(f"{schema.get(low, 0)}–{schema.get(high, '')} {unit}")
    if "pattern" in schema:
        words.append(f"`{schema['pattern']}`".replace("|", chr(92) + "|"))
    if "default" in schema:
        words.append(f"default {schema['default']}")
    return ", ".join(words)


def _render_rule(entry: RuleEntry) -> str:
    value = json.dumps(entry.value, ensure_ascii=False)
    if len(value) > 120:  # noqa: PLR2004 - a page's width
        value = f"{value[:117]}…"
    cells = (
        f"`{entry.key}`",
        entry.title,
        f"`{value.replace('|', chr(92) + '|')}`",
        str(entry.effective_from),
        str(entry.effective_to or ""),
        entry.basis,
        "yes" if entry.confirmed else "provisional",
    )
    return "| " + " | ".join(cells) + " |\n"


if __name__ == "__main__":
    sys.exit(main())
