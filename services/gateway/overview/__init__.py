"""总览: a region and a year on one page."""
