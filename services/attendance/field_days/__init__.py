"""Field days (下乡日): the posts, switches, limits and calendar by which a person's coming days are judged."""
