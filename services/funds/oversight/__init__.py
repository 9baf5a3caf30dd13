"""监督台账和绩效评价指标: what those above ask of a region's year, computed from the books."""
