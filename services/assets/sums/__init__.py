"""合计: sums that must agree, by class, owner, state and project, with the rows behind them."""
