"""首页: what a phone shows first, in one call."""
