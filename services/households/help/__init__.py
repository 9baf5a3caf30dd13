"""Everything that helps a household, on one page; sums of loans and jobs of a region."""
