"""Tests of the assets service (资产管理)."""
