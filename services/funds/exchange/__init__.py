"""Exchange with the finance bureau's budget system (预算管理一体化): incoming rows, pending rows, exported rows."""
