"""`make new-service NAME=x LABEL=…`: a service that starts, has health, migrations and a test.

Made: services/x/, shared/contracts/x.py, tests/x/. Changed: one row in each table that lists services (shared/wire.py,
shared/permissions.py) and its block in deploy/docker-compose.yml. Nothing else.
"""

import argparse
import keyword
import re
import subprocess
import sys
from pathlib import Path

from shared.settings import CannotStart

BLANK = Path(__file__).parent / "blank"
TAKEN = {
    "gateway",
    "home",
    "threads",
    "overview",
    "public",
    "auth",
    "regions",
    "organisations",
    "users",
    "clients",
}
FILES = {
    "init": "services/{name}/__init__.py",
    "base": "services/{name}/base.py",
    "tables": "services/{name}/tables.py",
    "main": "services/{name}/main.py",
    "contract": "shared/contracts/{name}.py",
    "test": "tests/{name}/test_notes.py",
    **{f"notes/{one}": f"services/{{name}}/notes/{one}.py" for one in ("models", "schemas", "repository")},
    **{f"notes/{one}": f"services/{{name}}/notes/{one}.py" for one in ("service", "router")},
    "notes/init": "services/{name}/notes/__init__.py",
}
EMPTY = ("services/{name}/migrations/__init__.py", "tests/{name}/__init__.py")
ROLES = "b . b b b b b b . . a"
WRITERS = "b . b b b . . . . . ."


def make(root: Path, name: str, label: str) -> list[Path]:
    """Write the service into a tree; the paths that were made or changed. CannotStart when the name will not do."""
    _check(root, name)
    words = {"name": name, "NAME": name.upper(), "Name": name.title(), "label": label}
    done = []
    for source, target in FILES.items():
        done.append(
            _write(
                root / target.format(name=name), _filled((BLANK / f"{source}.txt").read_text("utf-8"), words)
            )
        )
    for target in EMPTY:
        done.append(_write(root / target.format(name=name), ""))
    done += [_wire(root, words), _permissions(root, words), _compose(root, words)]
    return done


def _check(root: Path, name: str) -> None:
    if not re.fullmatch("[a-z][a-z]{2,29}", name) or keyword.iskeyword(name):
        raise CannotStart("服务名须为 3 到 30 个小写字母")
    if name in TAKEN or (root / "services" / name).exists() or (root / "tests" / name).exists():
        raise CannotStart(f"{name} 已被使用")


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"{{{{{word}}}}}", value)
    return text


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def _changed(path: Path, *changes: tuple[str, str]) -> Path:
    """Each pattern's first find gets the replacement; the pattern must be there, or the table has moved."""
    text = path.read_text("utf-8")
    for pattern, replacement in changes:
        text, found = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
        if not found:
            raise CannotStart(f"{path.name} 里找不到要添加的位置: {pattern}")
    return _write(path, text)


def _wire(root: Path, words: dict[str, str]) -> Path:
    row = _filled(r'\g<0>    {{NAME}} = "{{name}}", "{{label}}"' + "\n", words)
    return _changed(
        root / "shared" / "wire.py",
        (r"(?<=class ServiceName\(Labelled\):\n)(?:.*\n)*?(?=\n\n(?:def|class) )", row),
    )


def _permissions(root: Path, words: dict[str, str]) -> Path:
    members = """    # {{name}}
    {{NAME}}_READ = "{{name}}:read", "查看{{label}}"
    {{NAME}}_WRITE = "{{name}}:write", "填写{{label}}"
"""
    rows = f'    May.{{{{NAME}}}}_READ:     "{ROLES}",\n    May.{{{{NAME}}}}_WRITE:    "{WRITERS}",\n\n'
    return _changed(
        root / "shared" / "permissions.py",
        (r"(?=^    # the gateway's own pages$)", _filled(members, words)),
        (r"(?=^    May\.OVERVIEW_READ: )", _filled(rows, words)),
    )


def _compose(root: Path, words: dict[str, str]) -> Path:
    block = """  {{name}}:
    <<: *service
    build: {context: .., dockerfile: deploy/Dockerfile, args: {SERVICE: {{name}}}}
    volumes: ["{{name}}:/data"]
    environment:
      <<: *settings
      {{NAME}}_DATABASE_URL: postgresql://xianjie:${XIANJIE_DATABASE_PASSWORD}@postgres/{{name}}

"""
    return _changed(
        root / "deploy" / "docker-compose.yml",
        (r"(?<=^      XIANJIE_DATABASES: )(.*)$", _filled(r"\1 {{name}}", words)),
        (r"(?<=^    depends_on: \[)([a-z, ]*)(?=\]$)", _filled(r"\1, {{name}}", words)),
        (r"(?=^volumes:$)", _filled(block, words)),
        (r"\Z", _filled("  {{name}}:\n", words)),
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="new_service", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--label", default="", help="what people call it, in Chinese")
    asked = parser.parse_args(arguments)
    root = Path(__file__).parent.parent
    try:
        done = make(root, asked.name, asked.label or asked.name)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    command = [sys.executable, "-m", "shared.migrate", asked.name, "--new", "start"]
    said = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)  # noqa: S603 - our own module
    migration = said.stdout.split()[-1]
    for path in [*done, Path(migration)]:
        sys.stdout.write(f"{path.relative_to(root)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
