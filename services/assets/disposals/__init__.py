"""Disposal (处置) of assets that end, and revitalisation plans (盘活) for assets that stand idle or earn too little."""
