"""Gateway (网关): routes requests to services, applies rate limits, merges OpenAPI documents and composes pages. Stores no data."""
