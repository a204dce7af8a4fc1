"""What may be asked, and in which words.

A package of the same name on PyPI is a client; `rosterql check` verifies that this one is imported.
"""
