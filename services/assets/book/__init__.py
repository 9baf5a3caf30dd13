"""价值账: adjustments by two people, and straight-line depreciation as an optional book."""
