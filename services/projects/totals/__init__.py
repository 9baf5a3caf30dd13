"""累计: counts and money kept as they change, so that a district's summary costs the same at any size."""
