"""Webhooks: the event log pushed to systems that are not ours, signed, in order per record, until it arrives."""
