"""Commands for instructors."""


def register(app):
    pass
