"""资金来源: fund documents and what changed them."""
