"""Check-ins (打卡): ingest with group commit, evaluation against geofences, the fast path and the list."""
