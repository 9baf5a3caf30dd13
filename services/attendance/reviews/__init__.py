"""Reviews (复核): anomalies in check-in evidence per person and day, decided by a reviewer with a reason."""
