"""Tests of the funds service (衔接资金)."""
