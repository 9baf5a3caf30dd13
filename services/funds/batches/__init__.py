"""一卡通批量补贴: households of one payment, each with a sealed account; masked everywhere, opened only with a reason."""
