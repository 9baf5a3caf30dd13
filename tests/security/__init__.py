"""Attacks from outside on both doors with the services behind them. What one service or one door holds alone is beside its tests."""
