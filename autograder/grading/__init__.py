"""From a submission to a result: plans, runs, re-runs, verdicts and diagnoses. What decides a grade is here, and no torch."""
