"""管护: who keeps an asset, how often it must be seen, and the duty list of a village."""
