"""Public notices (公开公示): notices of all services in one list, without sign-in."""
