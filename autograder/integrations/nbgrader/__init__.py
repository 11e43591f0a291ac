"""nbgrader: a course folder from the course, and our grades in its gradebook.

`export` makes the folder and lets nbgrader register the assignments. `grade --nbgrader` grades what lies in `submitted/` with this
engine, in its jail, and writes what nbgrader's own autograder would have written: scores and comments in `gradebook.db`, and
notebooks in `autograded/` that formgrader and `nbgrader generate_feedback` show. Lateness, manual grades and extra credit stay
nbgrader's business.

    course_folder.py    what the course folder holds, before nbgrader has seen it
    released.py         the notebooks of an assignment as nbgrader released them: whose cell is which exercise
    submitted.py        the cells of what a student handed in
    rebuilt.py          a submitted notebook as formgrader should see it: built anew, with nothing in it that could do harm
    grades.py           results → scores, comments and feedback by cell
    tool.py             finding a Python that has nbgrader, and asking it
    bridge.py           what that Python runs: the only module that imports nbgrader

nbgrader brings Jupyter's server with it, some hundred packages, and is often installed already, for the whole university. So it may
be in an environment of its own: the bridge is a script that needs nothing but nbgrader, and plain JSON goes both ways.
"""
