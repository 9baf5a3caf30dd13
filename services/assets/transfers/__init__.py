"""权属文书: one document over many assets, for confirming rights, handing over, or changing the owner."""
