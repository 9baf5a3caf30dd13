"""Read what each service declares in services/<name>/service.toml, and write the tables that everybody reads.

A container holds `shared` and one service, so these tables stand in `shared`; nobody edits them by hand. Only the standard
library is imported: a new permission must be in the table before the code that names it is imported.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded.system import list_services

ROOT = Path(__file__).parents[1]
GENERATED_NOTICE = "Made by `make docs` from services/*/service.toml; edit those instead."
STATELESS_SERVICE = "gateway"
PERMISSION_PARTS = 3


@dataclass(frozen=True)
class Permission:
    """A row: the name in code, `subject:verb`, the words, and one letter for each role."""

    name: str
    code: str
    words: str
    reaches: str


@dataclass(frozen=True)
class ServiceDeclaration:
    """What a service says of itself in service.toml; the permissions of every service have no label."""

    name: str
    label: str
    consumes: tuple[str, ...]
    permissions: tuple[Permission, ...]


def load_declarations(root: Path = ROOT) -> list[ServiceDeclaration]:
    """Load those of all services, identity first, then what every service has; ValueError for a broken one."""
    names = list_services(root / "services")
    first, rest = names[:1], names[1:]
    found = [_load(root / "services" / name / "service.toml", name) for name in first]
    found.append(_load(root / "shared" / "auth" / "permissions.toml", ""))
    found += [_load(root / "services" / name / "service.toml", name) for name in rest]
    _refuse_repeated(one.name for declared in found for one in declared.permissions)
    _refuse_repeated(one.code for declared in found for one in declared.permissions)
    return found


def _load(path: Path, name: str) -> ServiceDeclaration:
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        message = f"{path}: {error}"
        raise ValueError(message) from error
    rows: Mapping[str, list[str]] = content.get("permissions", {})
    for key, row in rows.items():
        if len(row) != PERMISSION_PARTS:
            message = f"{path}: {key} needs a code, words and letters"
            raise ValueError(message)
    return ServiceDeclaration(
        name,
        content.get("label", name),
        tuple(content.get("consumes", ())),
        tuple(Permission(key, *row) for key, row in rows.items()),
    )


def _refuse_repeated(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            message = f"two services declare the permission {name}"
            raise ValueError(message)
        seen.add(name)


def build_tables(root: Path = ROOT) -> dict[Path, str]:
    """Build the tables in `shared`: path → text."""
    declared = load_declarations(root)
    return {
        root / "shared" / "auth" / "permission_table.py": _write_permissions(declared),
        root / "shared" / "clients" / "service_names.py": _write_service_names(declared),
        root / "shared" / "events" / "subscriptions.py": _write_subscriptions(declared),
    }


def _write_permissions(declared: list[ServiceDeclaration]) -> str:
    groups = [one for one in declared if one.permissions]
    width = max(len(row.name) for one in groups for row in one.permissions)
    members: list[str] = []
    table: list[str] = []
    for one in groups:
        members.append(f"    # {one.name or 'every service'}")
        members += [f'    {row.name} = "{row.code}", "{row.words}"' for row in one.permissions]
        table.append(f"    # {one.name or 'every service'}")
        table += [f'    May.{row.name + ":":{width + 1}} "{row.reaches}",' for row in one.permissions]
    return "\n".join(
        [
            f'"""All permissions and the reach of each role. {GENERATED_NOTICE}"""',
            "",
            "from shared.china import LabelledEnum",
            "",
            "",
            "class May(LabelledEnum):",
            '    """权限: `subject:verb`."""',
            "",
            *members,
            "",
            "",
            "# fmt: off",
            "PERMISSION_TABLE: dict[May, str] = {",
            f"    # {'':{width + 4}} clerk cadre town line bureau finance leader auditor admin secadm machine service",
            *table,
            "}",
            "# fmt: on",
            "",
        ]
    )


def _write_service_names(declared: list[ServiceDeclaration]) -> str:
    return "\n".join(
        [
            f'"""The services. {GENERATED_NOTICE}"""',
            "",
            "from shared.china import LabelledEnum",
            "",
            "",
            "class ServiceName(LabelledEnum):",
            '    """Chinese names of services for messages."""',
            "",
            *(
                f'    {one.name.upper()} = "{one.name}", "{one.label}"'
                for one in declared
                if one.name and one.name != STATELESS_SERVICE
            ),
            "",
        ]
    )


def _write_subscriptions(declared: list[ServiceDeclaration]) -> str:
    subscribers: dict[str, list[str]] = {}
    for one in declared:
        for topic in one.consumes:
            subscribers.setdefault(topic, []).append(one.name)
    return "\n".join(
        [
            f'"""Which services receive which topic. {GENERATED_NOTICE}"""',
            "",
            "# fmt: off",
            "SUBSCRIBERS: dict[str, tuple[str, ...]] = {",
            *(
                f'    "{topic}": ({", ".join(chr(34) + name + chr(34) for name in sorted(names))}'
                f"{',' if len(names) == 1 else ''}),"
                for topic, names in sorted(subscribers.items())
            ),
            "}",
            "# fmt: on",
            "",
        ]
    )
