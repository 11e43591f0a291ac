"""Class results in one SQLite file, and what people decided about them."""

from autograder.store.database import Mark, RunRow, Store, StoreError
from autograder.store.ledger import Adjustment, Ledger
from autograder.store.standing import standing, standing_of

__all__ = ["Adjustment", "Ledger", "Mark", "RunRow", "Store", "StoreError", "standing", "standing_of"]
