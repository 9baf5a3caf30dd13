"""Phones (手机同步): batches of ordinary requests up, changes down, one call to begin the day."""
