"""整改台账: problems that evaluations, audits, inspections and alerts found, put right by a deadline and closed by another person."""
