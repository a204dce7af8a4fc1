"""How an answer is found or a change made."""
