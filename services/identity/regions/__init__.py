"""区划: the tree of 12-digit codes."""
