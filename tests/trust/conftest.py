"""Fixtures of the tests of proofs: those of the funds tests."""

from tests.funds.conftest import library, scenario

__all__ = ["library", "scenario"]
