"""Questions on a person's own code, whose answers are computed: from one-line changes of it and from what it does, line by line, in the jail."""
