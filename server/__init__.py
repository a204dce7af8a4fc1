"""How callers reach us over HTTP."""
