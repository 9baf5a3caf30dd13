"""公开公示: every service's notice board as one, without login."""
