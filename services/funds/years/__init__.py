"""Year end (年终): closing, reopening, carry-over (结转) and the land revenue share (土地出让收益)."""
