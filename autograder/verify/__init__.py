"""Whether an exercise's checks are any good: references, mistakes, alternatives, forgers, general mistakes and mutants tried on them."""
