"""账号: people and machine clients, their grants and organisations."""
