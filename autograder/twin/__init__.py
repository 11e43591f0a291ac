"""The trusted process that has an exercise's checks: it makes inputs, compares and judges what was observed, and examines how
checks are written. No student code is ever loaded in it.
"""
