"""回访: whether a household still has what it was given, and what came of it."""
