"""Similarity: a class's answers to an exercise for Dolos and compare50, which are run where they are installed, and what they found.

`answers` writes one layout that both tools take, `dolos` and `compare50` run them and read what they wrote, `tool` is what they share.

    info.csv                             filename,label,created_at,full_name,ignored: Dolos reads it, also at the root of a zip
    stub.py                              what students were given: Dolos ignores it, compare50 takes it away (`--distro`)
    submissions/<name>/<exercise>.py     a folder for each submission, as compare50 wants them

What is relied on (read in November 2026): `dolos run`, its `info.csv` with `ignored` and its `pairs.csv`, from
https://dolos.ugent.be/docs/running.html, https://dolos.ugent.be/docs/adding-metadata.html and the source of its version 2.9
(https://github.com/dodona-edu/dolos: `cli/src/cli/views/fileView.ts`, `lib/src/lib/dataset.ts`); compare50's arguments and its
`match_<n>.html`, from https://cs50.readthedocs.io/projects/compare50 and the source of its version 1.2
(https://github.com/cs50/compare50: `compare50/__main__.py`, `compare50/_renderer`).

Nothing of a submission is run. Both tools work on this machine and send no answer anywhere.
"""
