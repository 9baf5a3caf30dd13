"""巡查: somebody was there, saw it and took photos."""
