"""Class results in one SQLite file."""

from autograder.store.database import RunRow, Store, StoreError

__all__ = ["RunRow", "Store", "StoreError"]
