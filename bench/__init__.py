"""Measuring, for who develops it: what the product takes, compared with the same done by hand. Not installed."""
