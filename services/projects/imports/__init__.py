"""Import and export of projects (项目导入导出): county library table, CSV, GeoJSON, OC4IDS; long imports run in the background."""
