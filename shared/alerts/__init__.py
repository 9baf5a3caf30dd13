"""Alerts (预警), shared by all services: dated rules detect problems, people answer and close them by a due date."""
