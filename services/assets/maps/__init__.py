"""地图: assets in a box as GeoJSON."""
