"""A student's own machine: public checks by the recorded plan, under pytest and `autograder check`. No reference is there."""
