"""The library in and out: county tables, CSV, GeoJSON, OC4IDS."""
