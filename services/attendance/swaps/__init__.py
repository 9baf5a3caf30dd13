"""换班: one asks, the other agrees, the town approves; then the shifts change hands, never before."""
