"""Home page (首页): roles, to-do counts and shortcuts of the caller in one response."""
