"""What can be read in an exercise's files as text, without running them: stubs and their regions, checks, sentences, sameness."""
