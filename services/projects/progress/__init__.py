"""形象进度: what was reported of the works, with photos taken there."""
