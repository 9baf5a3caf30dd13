"""Tests of the projects service (项目库)."""
