"""Description (说明) of all record kinds for the caller: kinds, code sets, lifecycles, switches, and forms."""
