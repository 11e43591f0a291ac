"""Somebody else's tests, held against the wrong answers that the tool makes of a solution: is it noticed when the solution is wrong?"""
