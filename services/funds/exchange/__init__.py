"""财政交换: 指标 and payment results in and out, in the column names of 预算管理一体化."""
