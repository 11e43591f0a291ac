"""From verdicts to scores: attempts, deadlines, what lateness costs, people's adjustments, what is dropped; every step recorded."""

from autograder.scores.final import Book, final_scores
from autograder.scores.records import ExerciseScore, ModuleScore, Score, Step

__all__ = ["Book", "ExerciseScore", "ModuleScore", "Score", "Step", "final_scores"]
