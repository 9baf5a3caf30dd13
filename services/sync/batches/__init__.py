"""Batches (批次): up to 500 recorded requests in one body, each with a verdict of its own."""
