"""Official trips (公出报备): report, acknowledgement by the town, return."""
