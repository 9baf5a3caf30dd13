"""Bootstrap (开工): one call with all that a phone needs before it goes out of signal."""
