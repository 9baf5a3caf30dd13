"""打卡: one tap, its evidence, and how it stands to the fence, in words."""
