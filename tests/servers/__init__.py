"""Real servers for the tests; conftest.py hands out their URLs."""
