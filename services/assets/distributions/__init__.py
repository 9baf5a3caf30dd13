"""收益分配: a yearly plan decided by the owners, its notice and payout list, in a book that always balances."""
