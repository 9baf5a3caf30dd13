"""分配方案: drafted with the effect of every rule in sight, approved, published, issued."""
