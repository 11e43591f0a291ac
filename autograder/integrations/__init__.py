"""Other people's formats and tools: nbgrader, otter and Gradescope, Canvas, GitHub, Dolos and compare50."""
