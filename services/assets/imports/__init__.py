"""台账导入: an XLSX or CSV ledger, tried first, taken whole or not at all."""
