"""Project screening: negative list, readiness, duplicates."""
