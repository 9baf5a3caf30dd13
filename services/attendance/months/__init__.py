"""Month and year sheets (月表、年表): totals from days, signature, export, and the caller's own month (我的月表)."""
