"""Income distribution (收益分配): yearly plans, decision steps (四议两公开), payout lists, the income book."""
