"""Repair tickets (报修): reported by anybody who scans a label, handled by the village, checked by a second person."""
