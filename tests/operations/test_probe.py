"""The probe says ok of a PostgreSQL that has everything, and names what a server lacks."""

from dataclasses import replace

import psycopg
import pytest

from operations import probe
from tests import postgres
from tests.conftest import SQLITE


def test_postgresql_has_everything_and_a_lack_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if SQLITE:
        pytest.skip("SQLite is no server to probe")
    url = f"{postgres.get_server_url()}/postgres"
    assert probe.main([url]) == 0, capsys.readouterr().out
    assert "LACK" not in capsys.readouterr().out
    with psycopg.connect(url) as connection:
        schemas = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'xianjie_probe'")
        assert schemas.fetchone() is None
    first, *rest = probe.FEATURES
    missing = replace(first, name="no such function", statements=("SELECT no_such_function()",))
    monkeypatch.setattr(probe, "FEATURES", (missing, replace(first, expected=False), *rest))

    assert probe.main([url]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("LACK")]
    assert "no_such_function() does not exist" in lines[0]
    assert len(lines) == 2


def test_a_server_that_does_not_answer_is_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(["postgresql://nobody@127.0.0.1:1/x"]) == 1
    assert "LACK  connection" in capsys.readouterr().out
