"""Tests of the alerts of all services."""
