"""重新认定: what a changed rule wants reckoned anew."""
