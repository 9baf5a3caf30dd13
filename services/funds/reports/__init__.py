"""Reports: funding trail (全链条), yearly summary (汇总), supervision (监督台账), evaluation (绩效评价)."""
