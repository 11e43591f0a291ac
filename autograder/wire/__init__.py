"""What processes say to each other: messages, and the values in them, as bytes that are safe to read whoever wrote them.

Nothing here knows what an exercise is. `docs/wire-format.md` has the format.
"""
