"""消息: what was decided about somebody is said to them, once, in words; nobody else reads it here."""
