"""Split and merge (拆分合并) of assets: the old records are closed, the new ones carry their value to the 分."""
