"""The access table: the reach each role has with each permission.

Every service declares its permissions in services/<name>/service.toml, those of every service stand in permissions.toml.
Letters: `b` below (the grant's region and every region in it), `s` self (only the actor's own records), `a` all
regions, `.` not granted.
"""

from enum import StrEnum

from shared.auth.permission_table import PERMISSION_TABLE, May
from shared.china import LabelledEnum


class Role(LabelledEnum):
    """角色."""

    VILLAGE_CLERK = "village_clerk", "村文书"
    CADRE = "cadre", "驻村干部"
    TOWN_OFFICER = "town_officer", "镇项目专干"
    LINE_BUREAU = "line_bureau", "行业主管部门"
    BUREAU = "bureau", "乡村振兴局"
    FINANCE = "finance", "财政局"
    LEADER = "leader", "领导"
    AUDITOR = "auditor", "审计"
    ADMIN = "admin", "系统管理员"
    SECURITY_ADMIN = "security_admin", "安全管理员"
    MACHINE = "machine", "外部系统"
    SERVICE = "service", "内部服务"


class Reach(StrEnum):
    """Which records a permission covers, relative to the grant's region."""

    BELOW = "b"
    SELF = "s"
    ALL = "a"


ROLE_COLUMNS = tuple(Role)


def _build_roles() -> dict[Role, dict[May, Reach]]:
    if missing := set(May) - set(PERMISSION_TABLE):
        message = f"permissions without a row: {sorted(missing)}"
        raise ValueError(message)
    roles: dict[Role, dict[May, Reach]] = {role: {} for role in Role}
    for may, row in PERMISSION_TABLE.items():
        letters = row.split()
        if len(letters) != len(ROLE_COLUMNS):
            message = f"{may}: {len(letters)} columns, not {len(ROLE_COLUMNS)}"
            raise ValueError(message)
        for role, letter in zip(ROLE_COLUMNS, letters, strict=True):
            if letter != ".":
                roles[role][may] = Reach(letter)
    return roles


ROLES: dict[Role, dict[May, Reach]] = _build_roles()
"""Role → permission → reach; a missing entry means not granted."""


def permissions_markdown() -> str:
    """The table as Markdown (docs/access.md)."""
    lines = [
        "| permission | 权限 | " + " | ".join(f"{role.label}<br>`{role}`" for role in ROLE_COLUMNS) + " |",
        "|---|---|" + "---|" * len(ROLE_COLUMNS),
    ]
    labels = {Reach.BELOW: "辖区", Reach.SELF: "本人", Reach.ALL: "全部"}
    for may in May:
        cells = [labels[ROLES[role][may]] if may in ROLES[role] else "" for role in ROLE_COLUMNS]
        lines.append(f"| `{may}` | {may.label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
