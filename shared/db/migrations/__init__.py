"""Alembic environment of every service."""
