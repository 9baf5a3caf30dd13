"""Project alerts (项目预警): dated warning rules, counts and lists of late projects, alerts with owner, deadline and answer."""
