"""我的月表: what the rules made of one's own days, why, and where to object."""
