"""经营合同: how an asset earns: terms, a schedule of receivables, what came in, what is in arrears."""
