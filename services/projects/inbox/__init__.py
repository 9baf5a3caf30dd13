"""待办: what waits for me, since when, and until when."""
