"""Tools across services (运维工具): they call the REST API or read copies."""
