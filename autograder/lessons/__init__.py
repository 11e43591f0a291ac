"""Lessons: what a lecture page and its hints must be, and what is made from them.

page      Markdown → title, sections, code blocks, folded answers, formulas
head      the lines below the title, from `grading.toml`: what one will be able to do, what one needs, how long, how hard
hints     three hints an exercise, beside its checks
asked     how many of them a student asked for
solutions the reference and the alternatives, as a person reads them
packed    hints and solutions in a student's repository, and places: where they lie
demands   everything that must hold of a lesson; `verify` asks
"""
