"""Rate windows (限次): sign-in attempts and writes without login, counted exactly whatever process counts them."""
