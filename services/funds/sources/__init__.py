"""Fund sources (资金来源, 指标文): fund documents and their adjustments."""
