"""项目统计: counts and money of a region's library, from SQL, each figure opening to its rows."""
