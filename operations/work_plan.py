"""`python -m operations.work_plan`: load the work plan of 2022 with its targets; a second run creates nothing twice."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from operations.demo.users import DemoUser, RequestRefused, derive_id

DATA_FILE = Path(__file__).parent / "data" / "work_plan_2022.json"


async def load_plan(post: Callable[[str, Any], Awaitable[Any]], document: dict[str, Any]) -> int:
    """Enter the plan and its targets by `post` (path, body); returns the number of targets."""
    name = f"{document['plan']['region']} {document['plan']['year']}"
    plan = await post("/workplan/plans", document["plan"] | {"id": derive_id(f"work plan {name}")})
    items = {item["number"]: item["id"] for item in plan["items"]}
    for target in document["targets"]:
        wish = {key: value for key, value in target.items() if key != "item"}
        target_id = derive_id(f"work target {name} {target['item']} {target['name']}")
        await post("/workplan/targets", wish | {"id": target_id, "item_id": items[target["item"]]})
    return len(document["targets"])


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and load the plan; returns the exit code."""
    parser = argparse.ArgumentParser(prog="work-plan", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--user", default="bureau")
    parser.add_argument("--password", default="Xianjie-2022")
    options = parser.parse_args(arguments)

    async def run() -> int:
        document = json.loads(DATA_FILE.read_text("utf-8"))
        async with httpx.AsyncClient(base_url=options.url, timeout=30) as http:
            return await load_plan(DemoUser(http, options.user, options.password).post, document)

    try:
        count = asyncio.run(run())
    except httpx.TransportError as error:
        sys.stderr.write(f"{options.url} 没有应答({error}); 请先 make run\n")
        return 1
    except RequestRefused as error:
        sys.stderr.write(f"没有登记: {error}\n")
        return 1
    sys.stdout.write(f"已登记 2022 年工作要点 28 项、指标 {count} 个: {options.url}/desk/\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
