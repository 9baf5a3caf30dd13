"""累计: counts and values kept as they change, so that a district's summary costs the same at any size."""
