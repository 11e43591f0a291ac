"""The pages of a graded class, and its statistics."""
