"""What both sides must compute alike, written down once: noise, p-values, codes of categories, pictures, names."""
