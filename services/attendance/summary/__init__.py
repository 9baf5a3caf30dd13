"""One region's year on one page: counts for the leader's overview, no persons and no order among them."""
