"""The course's checks as an autograder for otter-grader and Gradescope.

    export      a topic → the zip that `otter run`, `otter grade` and Gradescope take
    bundle      what of the course lies in that zip, and how it is found again
    run         one submission → `results.json`, in a folder laid out like Gradescope's `/autograder`
    container   whether the machine has the memory for it, and what its isolation comes to
    results     a result as `results.json`: which of its checks are visible when
    plugin      otter's plugin: nothing of the student's runs in otter's kernel, and our results stand for otter's

`python -m autograder.integrations.otter` is what the zip's scripts call.
"""
