"""Running an experiment on an implementation, and observing what comes of it: in a worker of the jail, and in pytest.

Student code runs in the process that imports this. It depends on nothing that decides a verdict.
"""
