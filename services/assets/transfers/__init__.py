"""Documents over many assets (权属文书): confirmation of rights (确权), handover (移交), change of owner (权属变更)."""
