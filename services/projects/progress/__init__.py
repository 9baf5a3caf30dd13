"""Progress reports (形象进度): physical percentage, quantities and photos with location."""
