"""The one door: routing, limits, one OpenAPI document, pages read from several services. Keeps no data."""
