"""Benchmarks (性能基准): measurements and the data they use."""
