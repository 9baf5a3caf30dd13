"""Tests of webhook subscriptions and delivery (事件推送)."""
