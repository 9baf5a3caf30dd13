"""监督规则: what the figures say is wrong, each hit with the rows behind it."""
