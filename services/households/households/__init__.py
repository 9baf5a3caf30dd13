"""Monitored households (监测户): identified step by step, helped, and released from monitoring by the same chain."""
