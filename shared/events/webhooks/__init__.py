"""Webhooks: subscriptions of outside systems and signed delivery of events to them."""
