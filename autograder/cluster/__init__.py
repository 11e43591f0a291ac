"""Grading a class on several machines: one that plans and writes, the head, and those that run what students wrote, the nodes."""
