"""Made-up organizations."""
