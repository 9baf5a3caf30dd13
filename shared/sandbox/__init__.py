"""Reading of untrusted files in a process of its own, which may be stopped without harm to the service.

Only the standard library and the file readers are imported here, so that the process starts fast and holds no secrets.
"""
