"""An autograder that runs each check as an experiment, twice: on the student's code in a jail, on the reference in a twin."""

__version__ = "0.1.0"
