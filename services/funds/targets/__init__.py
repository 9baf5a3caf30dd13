"""Performance targets (绩效目标): indicators, templates, monitoring, self-evaluation, public list, yearly sheet."""
