"""登记: what an asset is, who owns it, and the two lives it leads: its registration and its use."""
