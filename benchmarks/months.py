"""Month and year sheets over three years of a district's days: 2,000 cadres, 37 towns, 2.2 million days.

    python -m benchmarks.months [--cadres 2000] [--years 3]

Asked through the service's own address, as a town's officer and as the bureau. A town's month should take 100 ms at most.
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

from benchmarks.check_in_apps import SIGNING_KEY_VARIABLE, service
from benchmarks.check_in_load import ROOT, Cadres, create_database
from embedded.run_secrets import load_or_create_secrets

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
    app = service()
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
            for words, who, region, asked in sheets:
                head = {"Authorization": f"Bearer {cadres.sign_token(who, claims[who])}"}
                year = asked.startswith("year")
                address = f"/attendance/{'years' if year else 'months'}?region={region}&{asked}"
                took = []
                for _ in range(REQUESTS_PER_SHEET):
                    begun = time.perf_counter()
                    answer = await client.get(address, headers=head)
                    took.append((time.perf_counter() - begun) * 1000)
                    answer.raise_for_status()
                rows = len(answer.json()["rows"])
                middle, worst = statistics.median(took[1:]), max(took[1:])
                print(
                    f"{words:32} {who:13} {rows:5} rows, {middle:7.1f} ms, at most {worst:.1f}, first {took[0]:.1f}"
                )
                if words.startswith("a town's month") and middle > MAX_TOWN_MONTH_MS:
                    print(f"    over {MAX_TOWN_MONTH_MS} ms")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cadres", type=int, default=2000)
    parser.add_argument("--years", type=float, default=3)
    asked = parser.parse_args()
    os.environ["XIANJIE_RELAY"] = "false"
    var = Path(ROOT) / "var" / "bench"
    var.mkdir(parents=True, exist_ok=True)
    for name, value in load_or_create_secrets(var).items():
        os.environ[f"XIANJIE_{name.upper()}"] = value if isinstance(value, str) else json.dumps(value)
    cadres = Cadres(0)
    os.environ[SIGNING_KEY_VARIABLE] = json.dumps(cadres.key.as_dict(private=False))
    with create_database() as url:
        os.environ["ATTENDANCE_DATABASE_URL"] = url
        begun = time.perf_counter()
        given = {"cadres": asked.cadres, "days": int(asked.years * 365), "towns": TOWN_COUNT}
        with psycopg.connect(url, autocommit=True) as connection:
            rows = connection.execute(INSERT_DAYS, given).rowcount
            connection.execute("ANALYZE attendance_day")
        print(f"{rows:,} days seeded in {time.perf_counter() - begun:.0f} s", flush=True)
        asyncio.run(measure_sheets(cadres))


if __name__ == "__main__":
    main()
