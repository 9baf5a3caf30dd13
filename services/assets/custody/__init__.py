"""Custody of assets (管护): keepers and the duty list, inspections (巡查) and their schedule, follow-up visits to households (回访)."""
