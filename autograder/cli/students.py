"""Commands for students."""
def register(app): pass
