"""年终: a closed year stays as it was, what is left is carried over and ages, land revenue is held to its share."""
