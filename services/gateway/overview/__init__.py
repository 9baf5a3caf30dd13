"""Overview (总览): summaries and alerts of all services for one region and year."""
