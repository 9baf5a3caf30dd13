"""Project screening (项目筛查): negative list, readiness and duplicate rules, stored runs, confirmations and waivers of findings (放行)."""
