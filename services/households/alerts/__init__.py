"""Alerts of monitoring (监测预警): clues and households that wait too long, a household that nobody helps, data that fail a check."""
