"""A backup of a running installation restores to one that goes on; what cannot be right is refused with what mends it."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operations import backup as backup_command
from operations import restore as restore_command
from operations import restore_drill
from operations.backup import MANIFEST, sign_manifest, take_backup
from operations.installation import Installation, OperationRefused
from operations.restore import Backup, open_backup, restore_backup
from operations.sealing import Lock, create_identity
from operations.snapshots import Snapshot, compare_snapshots
from shared.app.data_folder import create_data_folder, lock_data_folder
from shared.events.audit_log import seal_rows, verify_chain
from tests.conftest import SQLITE
from tests.operations.conftest import (
    PASSPHRASE,
    SECRETS,
    RunningInstallation,
)
from tests.projects.factories_projects import expect_success

INDEX_KEY = "an index key of a container"
KEYS = Path(tempfile.mkdtemp()) / "operator.key"
SEALS = Lock(recipient=create_identity(KEYS))
OPENS = Lock(identity=KEYS)
"""A key pair: a passphrase costs a third of a second each time."""


def _take(running: RunningInstallation, folder: Path, lock: Lock = SEALS) -> Path:
    held = folder.with_name(f"held-for-{folder.name}") / "secrets"
    held.mkdir(parents=True)
    (held / "index_key").write_text(INDEX_KEY)
    take_backup(running.installation, folder, lock, [running.installation.home / "secrets.json", held])
    return folder


def _restore(source: Path, place: Installation, lock: Lock = OPENS) -> Backup:
    backup = open_backup(source, lock)
    restore_backup(backup, place)
    return backup


async def test_a_restored_installation_goes_on(
    running: RunningInstallation, empty_place: Installation, tmp_path: Path
) -> None:
    """Files, records and seals are there; readers of the lost log are told; new events reach every subscriber."""
    saved = await running.work("备份之前的项目")
    bureau = running.scenario.bureau
    await seal_rows(running.doors.apps["projects"].state.context)
    source = await asyncio.to_thread(_take, running, tmp_path / "backup")
    lost = await running.work("备份之后丢失的项目")
    cursor = expect_success(await bureau.get("/projects/events", params={"limit": 500}))["next"]

    await asyncio.to_thread(_restore, source, empty_place)
    await running.move_to(empty_place)

    assert (await bureau.get(f"/projects/{saved}")).json()["name"] == "备份之前的项目"
    assert (await bureau.get(f"/projects/{lost}")).status_code == 404
    answer = await bureau.get("/projects/events", params={"after": cursor})
    assert answer.status_code == 410
    assert "从备份恢复过" in answer.text
    again = expect_success(await bureau.get("/projects/events", params={"limit": 500}))
    fresh = await running.work("恢复之后的项目")
    after = expect_success(await bureau.get("/projects/events", params={"after": again["next"]}))
    assert {one["subject"] for one in after["items"]} == {fresh}
    assert await running.is_known_to_funds(saved)
    assert await running.is_known_to_funds(fresh)
    assert not await running.is_known_to_funds(lost)
    minutes = expect_success(await bureau.get(f"/projects/{saved}/documents"))[0]
    assert (await bureau.get(f"/projects/files/{minutes['file_id']}/content")).status_code == 200
    async with running.doors.apps["projects"].state.context.database.read() as session:
        assert (await verify_chain(session)).faults == []
    assert (empty_place.home / "secrets.json").read_text() == SECRETS
    assert (empty_place.home / "secrets" / "index_key").read_text() == INDEX_KEY
    for name, mode in (("secrets.json", 0o600), ("secrets", 0o700), ("secrets/index_key", 0o600)):
        assert (empty_place.home / name).stat().st_mode & 0o777 == mode


async def test_a_phone_is_told_and_goes_on(
    running: RunningInstallation, empty_place: Installation, tmp_path: Path
) -> None:
    phone = running.doors.service("sync").client_as("village_clerk")
    page = expect_success(await phone.get("/sync/changes"))
    source = await asyncio.to_thread(_take, running, tmp_path / "backup")
    await running.work("备份之后丢失的项目")
    while page["more"] or page["cursor"] == "":
        page = expect_success(await phone.get("/sync/changes", params={"cursor": page["cursor"]}))

    await asyncio.to_thread(_restore, source, empty_place)
    await running.move_to(empty_place)

    told = await phone.get("/sync/changes", params={"cursor": page["cursor"]})
    assert told.status_code == 410, told.text
    fresh = await running.work("恢复之后的项目")
    seen, page = set(), {"cursor": told.json()["cursor"], "more": True}
    while page["more"]:
        page = expect_success(await phone.get("/sync/changes", params={"cursor": page["cursor"]}))
        seen |= {one["id"] for one in page["records"]}
    assert fresh in seen


@pytest.fixture
def snapshots() -> Iterator[dict[str, Snapshot]]:
    """Snapshots that a test opens, by service; they stay as they are while work goes on."""
    found: dict[str, Snapshot] = {}
    yield found
    for one in found.values():
        one.close()


def _open_others(running: RunningInstallation, snapshots: dict[str, Snapshot]) -> None:
    for name, url in running.installation.databases.items():
        if name not in snapshots:
            snapshots[name] = Snapshot(name, url).open()


def _open_one(running: RunningInstallation, snapshots: dict[str, Snapshot], service: str) -> None:
    snapshots[service] = Snapshot(service, running.installation.databases[service]).open()


async def test_databases_copied_at_different_times_are_told_apart(
    running: RunningInstallation, snapshots: dict[str, Snapshot]
) -> None:
    _open_one(running, snapshots, "projects")
    await running.work("两次复制之间的项目")
    _open_others(running, snapshots)

    found = compare_snapshots(snapshots)

    assert {(one.sender, one.receiver, one.is_ahead) for one in found} == {
        ("projects", "assets", True),
        ("projects", "funds", True),
    }
    assert "后者是更早的副本" in str(found[0])


async def test_an_older_receiver_is_told_apart_too(
    running: RunningInstallation, snapshots: dict[str, Snapshot]
) -> None:
    _open_one(running, snapshots, "funds")
    await running.work("两次复制之间的项目")
    _open_others(running, snapshots)

    found = compare_snapshots(snapshots)

    assert [(one.sender, one.receiver, one.is_ahead) for one in found] == [("projects", "funds", False)]


async def test_no_backup_is_made_of_services_that_do_not_agree(
    running: RunningInstallation,
    snapshots: dict[str, Snapshot],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _open_one(running, snapshots, "projects")
    await running.work("两次复制之间的项目")
    early = SimpleNamespace(open=lambda: snapshots["projects"])
    monkeypatch.setattr(
        backup_command, "Snapshot", lambda name, url: early if name == "projects" else Snapshot(name, url)
    )
    monkeypatch.setattr(backup_command, "MAX_ATTEMPTS", 1)

    with pytest.raises(OperationRefused, match="彼此不一致"):
        await asyncio.to_thread(_take, running, tmp_path / "b")

    assert not (tmp_path / "b" / MANIFEST).exists()


@pytest.fixture
async def saved(running: RunningInstallation, tmp_path: Path) -> Path:
    """A backup of the running installation."""
    return await asyncio.to_thread(_take, running, tmp_path / "saved")


def _remove_database(folder: Path) -> None:
    next((folder / "databases").glob("funds.*")).unlink()


def _change_database(folder: Path) -> None:
    path = next((folder / "databases").glob("funds.*"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _change_stored_file(folder: Path) -> None:
    next(path for path in (folder / "files").rglob("*") if path.is_file()).write_bytes(b"other")


def _change_manifest(folder: Path) -> None:
    """The digest of a changed file is written down, as somebody would who hides the change."""
    _change_database(folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    for name in manifest["files"]:
        manifest["files"][name] = [(folder / name).stat().st_size, backup_command.digest_file(folder / name)]
    (folder / MANIFEST).write_text(json.dumps(manifest))


def _remove_keys(folder: Path) -> None:
    (folder / "keys.sealed").unlink()


def _write_newer_format(folder: Path) -> None:
    _sign_again(folder, lambda manifest: manifest.update(format=99))


def _write_newer_revision(folder: Path) -> None:
    _sign_again(
        folder, lambda manifest: manifest["services"]["funds"]["revisions"].update(alembic_version="9999")
    )


def _write_unknown_service(folder: Path) -> None:
    _sign_again(
        folder, lambda manifest: manifest["services"].update(households=manifest["services"]["funds"])
    )


def _sign_again(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """What a newer program would have written: changed, and signed with the backup's own key."""
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    content = json.dumps(manifest).encode()
    key = json.loads(OPENS.open((folder / "keys.sealed").read_bytes()))["mac_key"]
    (folder / MANIFEST).write_bytes(content)
    (folder / "manifest.mac").write_text(sign_manifest(content, bytes.fromhex(key)))


BAD_BACKUPS: tuple[tuple[Callable[[Path], None], str], ...] = (
    (_remove_database, "缺少文件.*funds.*换一份备份"),
    (_remove_keys, "缺少文件.*keys.sealed"),
    (_change_database, "被改动过或已损坏.*funds"),
    (_change_stored_file, "被改动过或已损坏.*files"),
    (_change_manifest, "清单被改动过"),
    (_write_newer_format, "更新的程序.*那个版本的程序"),
    (_write_newer_revision, "更新的程序.*9999.*那个版本的程序"),
    (_write_unknown_service, "更新的程序.*households"),
)


def test_a_bad_backup_is_refused_and_leaves_nothing_behind(saved: Path, empty_place: Installation) -> None:
    for number, (spoil, expected) in enumerate(BAD_BACKUPS):
        folder = saved.parent / f"spoilt-{number}"
        shutil.copytree(saved, folder)
        spoil(folder)
        with pytest.raises(OperationRefused, match=expected):
            _restore(folder, empty_place)
        assert not empty_place.home.exists(), spoil


def test_only_the_passphrase_it_was_sealed_with_opens_the_keys() -> None:
    sealed = Lock(passphrase=PASSPHRASE).seal(b"keys")

    assert Lock(passphrase=PASSPHRASE).open(sealed) == b"keys"
    with pytest.raises(OperationRefused, match="口令或私钥不对"):
        Lock(passphrase=PASSPHRASE + "-").open(sealed)


async def test_keys_sealed_to_an_operator_open_with_the_private_key(
    running: RunningInstallation, tmp_path: Path
) -> None:
    """The machine that makes backups holds the public half only."""
    public = create_identity(tmp_path / "operator.key")
    create_identity(tmp_path / "other.key")
    source = await asyncio.to_thread(_take, running, tmp_path / "sealed", Lock(recipient=public))

    assert open_backup(source, Lock(identity=tmp_path / "operator.key")).secrets == {
        "secrets.json": SECRETS,
        "secrets/index_key": INDEX_KEY,
    }
    for wrong, expected in (
        (Lock(identity=tmp_path / "other.key"), "不对"),
        (Lock(recipient=public), "--identity"),
    ):
        with pytest.raises(OperationRefused, match=expected):
            open_backup(source, wrong)
    assert SECRETS[2:12].encode() not in (source / "keys.sealed").read_bytes()


async def test_nothing_is_restored_onto_something(
    running: RunningInstallation, saved: Path, empty_place: Installation, tmp_path: Path
) -> None:
    """Neither onto a folder with data, nor onto databases with tables, nor onto a running system."""
    full = tmp_path / "full"
    full.mkdir()
    (full / "secrets.json").write_text("{}")
    with pytest.raises(OperationRefused, match=r"不是空的.*secrets.json"):
        _restore(saved, replace(empty_place, home=full))
    assert (full / "secrets.json").read_text() == "{}"
    with ExitStack() as stack:
        home = create_data_folder(tmp_path / "held")
        stack.enter_context(lock_data_folder(home))
        with pytest.raises(OperationRefused, match="正被另一个衔接进程使用"):
            _restore(saved, replace(empty_place, home=home))
    if not SQLITE:
        with pytest.raises(OperationRefused, match=r"正在使用.*先停止服务|不是空的"):
            await asyncio.to_thread(_restore, saved, replace(running.installation, home=tmp_path / "beside"))
        assert not any((tmp_path / "beside").glob("*.json"))


async def test_commands_say_what_they_did(
    running: RunningInstallation, empty_place: Installation, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """`make backup`, `make restore-drill`, `make restore`: their exit codes and words."""
    for name, url in running.installation.databases.items():
        monkeypatch.setenv(f"{name.upper()}_DATABASE_URL", url)
    home, folder = str(running.installation.home), str(tmp_path / "made")
    assert await asyncio.to_thread(backup_command.main, [home, folder]) == 1
    assert "口令" in capsys.readouterr().err
    monkeypatch.setenv("XIANJIE_BACKUP_PASSPHRASE", PASSPHRASE)
    assert await asyncio.to_thread(backup_command.main, [home, folder]) == 0
    assert "备份完成" in capsys.readouterr().out
    assert await asyncio.to_thread(backup_command.main, [home, folder]) == 1
    assert "不是空的" in capsys.readouterr().err
    server = [] if SQLITE else ["--server", empty_place.databases["funds"].rpartition("/")[0]]
    assert await asyncio.to_thread(restore_drill.main, [folder, *server]) == 0
    report = capsys.readouterr().out
    assert "RPO" in report
    assert "RTO" in report
    assert report.count("日志封印完好, 账实一致") == len(running.installation.databases)
    for name, url in empty_place.databases.items():
        monkeypatch.setenv(f"{name.upper()}_DATABASE_URL", url)
    assert await asyncio.to_thread(restore_command.main, [folder, str(empty_place.home)]) == 0
    assert "新的纪元" in capsys.readouterr().out
