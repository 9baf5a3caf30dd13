"""值班: who is on duty when, also across midnight, and whether the shift was kept."""
