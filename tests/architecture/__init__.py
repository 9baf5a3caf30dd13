"""The rules of CONTRIBUTING.md as machines that fail when one is broken. They discover services; none is named."""
