"""The event port and its adapters."""
