"""From `solutions/` to what students get: stubs, notebooks, `assignments/`, and the student repository."""
