"""Runs all services: in one process, or one process each on one machine (单机运行)."""
