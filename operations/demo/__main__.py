"""`python -m operations.demo`: run the demonstration against a running system; a second run creates nothing twice."""

import argparse
import asyncio
import sys

import httpx

from operations.demo import admission, assets, attendance, funds, projects, setup, threads
from operations.demo.runner import DemoRun, DemoStep
from operations.demo.users import DemoUser, RequestRefused, derive_id
from shared import clock

STEPS: tuple[DemoStep, ...] = (
    *setup.STEPS,
    *admission.STEPS,
    *funds.STEPS,
    *projects.STEPS,
    *assets.STEPS,
    *attendance.STEPS,
    *threads.STEPS,
)
CLOSING_TEXT = """
看一看 (登录见 README):
  {url}/api/v1/public/notices?region=632323000000
  {url}/api/v1/threads/project/{project}
  {url}/api/v1/overview?region=632323000000&year=2023
  {url}/docs
"""


async def run_steps(url: str, admin: str, password: str) -> None:
    """Run every step in order and print one line per step."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        demo = DemoRun(http, DemoUser(http, admin, password))
        for number, step in enumerate(STEPS, 1):
            began = clock.now()
            summary = await step.run(demo)
            sys.stdout.write(
                f"{number:2d}. {step.title}: {summary}  ({(clock.now() - began).total_seconds():.1f}s)\n"
            )
            sys.stdout.flush()
    sys.stdout.write(CLOSING_TEXT.format(url=url, project=derive_id("fodder")))


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(prog="story", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--admin", default="admin")
    parser.add_argument("--password", default="Xianjie-2022")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(run_steps(options.url, options.admin, options.password))
    except httpx.TransportError as error:
        sys.stderr.write(f"{options.url} 没有应答({error}); 请先 make run\n")
        return 1
    except (RequestRefused, AssertionError, TimeoutError) as error:
        sys.stderr.write(f"故事停在这里: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
