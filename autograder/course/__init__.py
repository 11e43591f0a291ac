"""The course (`grading.toml`) and what students hand in for it.

Loading is put off until a name is asked for: `autograder --help` needs none of this.
"""
