"""资金来源: which documents' money an asset was built with, carried over from the ledger of funds."""
