"""The apps as they are built, without databases."""

import pytest
from fastapi import FastAPI

from docs.generate import build_apps


@pytest.fixture(scope="session")
def apps() -> dict[str, FastAPI]:
    """Every service's app, never started."""
    return build_apps()
