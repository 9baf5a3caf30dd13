"""Fund alerts (资金预警): lifecycle, detectors over the books (流向、流量、流速、公开), and the scheduled scan."""
