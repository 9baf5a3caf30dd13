"""Commitments (资金安排登记): plan lines registered with the projects service, their reconciliation, and the cached project snapshots."""
