"""Changes (变化): what a phone does not have yet, from all services, by one cursor."""
