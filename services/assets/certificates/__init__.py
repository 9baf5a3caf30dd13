"""权属证书: what a confirmed right looks like on paper, one by one or for a village at once."""
