"""预警: what the figures say is wrong, with a person and a date."""
