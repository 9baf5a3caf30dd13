"""预警: one piece for every service. What a dated rule finds wrong, who answers for it until when, and who closes it."""
