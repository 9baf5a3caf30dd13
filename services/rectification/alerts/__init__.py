"""Alerts of rectification (整改预警): what nobody claimed, reported, finished or looked back at in time."""
