"""The trusted process of an exercise: it makes inputs, compares and judges what was observed, and examines how checks are written.

No student code is ever loaded in it.
"""
