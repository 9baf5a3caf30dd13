"""Measures month and year sheets over three years of a district: 2,000 cadres, 37 towns, 2.2 million days.

    python -m benchmarks.months [--cadres 2000] [--years 3]

Requests go to the service over HTTP, as a town officer and as the bureau. A town's month should take at most 100 ms.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from pathlib import Path

import httpx
import psycopg

from benchmarks.check_in_apps import SIGNING_KEY_VARIABLE
from benchmarks.check_in_apps import service as create_service_app
from benchmarks.check_in_load import ROOT, Cadres, create_database
from embedded.run_secrets import create_service_keys, load_or_create_secrets
from embedded.system import list_services

TOWN_COUNT = 37
MAX_TOWN_MONTH_MS = 100
REQUESTS_PER_SHEET = 15
INSERT_DAYS = """
INSERT INTO attendance_day (id, region, version, created_at, created_by, updated_at, created_digest, person,
    person_name, work_date, month, post_id, team_id, result, halves, leave_halves, works, provisional, words, rule_refs,
    frozen, after_signature)
SELECT gen_random_uuid(), '6206021' || to_char(n %% %(towns)s, 'FM00') || '2' || to_char(n / %(towns)s %% 12, 'FM00'), 1,
    now(), 'bench', now(), '', 'p' || n, '同志' || n, day, to_char(day, 'YYYY-MM'), NULL, NULL,
    CASE WHEN extract(isodow FROM day) > 5 THEN 'rest' WHEN (n + extract(doy FROM day)::int) %% 17 = 0 THEN 'leave'
        ELSE 'present' END,
    CASE WHEN extract(isodow FROM day) > 5 OR (n + extract(doy FROM day)::int) %% 17 = 0 THEN 0 ELSE 2 END,
    CASE WHEN extract(isodow FROM day) <= 5 AND (n + extract(doy FROM day)::int) %% 17 = 0 THEN 2 ELSE 0 END,
    extract(isodow FROM day) <= 5, false, '在岗: 07:52 在村委会围栏内; 19:40 在村委会围栏内', '["presence.rules@1"]', false, '{}'
FROM (SELECT n, (date '2022-01-01' + d)::date AS day FROM generate_series(0, %(cadres)s - 1) AS n,
    generate_series(0, %(days)s - 1) AS d) AS each
"""


async def measure_sheets(cadres: Cadres) -> None:
    app = create_service_app()
    claims = {
        "town officer": [["town_officer", "620602105000"]],
        "bureau": [["bureau", "620602000000"]],
    }
    sheets = (
        ("a town's month by person", "town officer", "620602105000", "month=2023-05&by=person"),
        ("a town's month by village", "town officer", "620602105000", "month=2023-05&by=village"),
        ("a town's month by person", "bureau", "620602105000", "month=2023-05&by=person"),
        ("a town's year by person", "bureau", "620602105000", "year=2023&by=person"),
        ("the district's month by town", "bureau", "620602000000", "month=2023-05&by=town"),
        ("the district's month by person", "bureau", "620602000000", "month=2023-05&by=person"),
    )
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bench/api/v1") as client:
            for title, role, region, query in sheets:
                headers = {"Authorization": f"Bearer {cadres.sign_token(role, claims[role])}"}
                sheet = "years" if query.startswith("year") else "months"
                address = f"/attendance/{sheet}?region={region}&{query}"
                durations_ms = []
                for _ in range(REQUESTS_PER_SHEET):
                    began = time.perf_counter()
                    answer = await client.get(address, headers=headers)
                    durations_ms.append((time.perf_counter() - began) * 1000)
                    answer.raise_for_status()
                rows = len(answer.json()["rows"])
                median, worst = statistics.median(durations_ms[1:]), max(durations_ms[1:])
                print(
                    f"{title:32} {role:13} {rows:5} rows, {median:7.1f} ms, at most {worst:.1f},"
                    f" first {durations_ms[0]:.1f}"
                )
                if title.startswith("a town's month") and median > MAX_TOWN_MONTH_MS:
                    print(f"    over {MAX_TOWN_MONTH_MS} ms")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cadres", type=int, default=2000)
    parser.add_argument("--years", type=float, default=3)
    options = parser.parse_args()
    os.environ["XIANJIE_RELAY"] = "false"
    var = Path(ROOT) / "var" / "bench"
    var.mkdir(parents=True, exist_ok=True)
    secrets = load_or_create_secrets(var) | create_service_keys(list_services())["attendance"]
    for name, value in secrets.items():
        os.environ[f"XIANJIE_{name.upper()}"] = value if isinstance(value, str) else json.dumps(value)
    cadres = Cadres(0)
    os.environ[SIGNING_KEY_VARIABLE] = json.dumps(cadres.key.as_dict(private=False))
    with create_database() as url:
        os.environ["ATTENDANCE_DATABASE_URL"] = url
        began = time.perf_counter()
        params = {"cadres": options.cadres, "days": int(options.years * 365), "towns": TOWN_COUNT}
        with psycopg.connect(url, autocommit=True) as connection:
            rows = connection.execute(INSERT_DAYS, params).rowcount
            connection.execute("ANALYZE attendance_day")
        print(f"{rows:,} days seeded in {time.perf_counter() - began:.0f} s", flush=True)
        asyncio.run(measure_sheets(cadres))


if __name__ == "__main__":
    main()
