"""`python -m embedded.story`: tell the story to a running system, step by step; telling it again breaks nothing."""

import argparse
import asyncio
import sys

import httpx

from operations.demo import admission, assets, attendance, funds, projects, setup, threads
from operations.demo.runner import DemoRun, Step
from operations.demo.users import DemoUser, RequestRefused, derive_id
from shared import clock

STEPS: tuple[Step, ...] = (
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
    """Every step in order, each told in a line."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        story = DemoRun(http, DemoUser(http, admin, password))
        for number, step in enumerate(STEPS, 1):
            began = clock.now()
            words = await step.run(story)
            sys.stdout.write(
                f"{number:2d}. {step.title}: {words}  ({(clock.now() - began).total_seconds():.1f}s)\n"
            )
            sys.stdout.flush()
    sys.stdout.write(CLOSING_TEXT.format(url=url, project=derive_id("fodder")))


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="story", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--admin", default="admin")
    parser.add_argument("--password", default="Xianjie-2022")
    asked = parser.parse_args(arguments)
    try:
        asyncio.run(run_steps(asked.url, asked.admin, asked.password))
    except httpx.TransportError as error:
        sys.stderr.write(f"{asked.url} 没有应答({error}); 请先 make run\n")
        return 1
    except (RequestRefused, AssertionError, TimeoutError) as stopped:
        sys.stderr.write(f"故事停在这里: {stopped}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
