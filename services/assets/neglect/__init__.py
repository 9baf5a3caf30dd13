"""疏于管护: what the rules find of assets nobody proves to look after."""
