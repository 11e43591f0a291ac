"""The course (`grading.toml`) and what students hand in for it."""

from autograder.course.config import Course, Exercise, Feedback, Limits, Module
from autograder.course.load import load_course
from autograder.course.problems import CourseError, Problem

__all__ = ["Course", "CourseError", "Exercise", "Feedback", "Limits", "Module", "Problem", "load_course"]
