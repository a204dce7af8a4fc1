"""Claims about RosterQL, each on a real database."""
