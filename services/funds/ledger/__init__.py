"""总账: double-entry, append-only; every yuan is in exactly one account."""
