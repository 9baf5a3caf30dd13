"""Complaints (投诉), public and anonymous; objections to days (异议); the public compliance statement."""
