"""The course (`grading.toml`) and what students hand in for it."""

from autograder.course.answers import SubmittedFile
from autograder.course.config import Course, Exercise, Module
from autograder.course.find import Found, find_submissions
from autograder.course.load import load_course
from autograder.course.problems import CourseError, Problem
from autograder.course.settings import Feedback, Limits
from autograder.course.submission import Submission, SubmissionError, open_submission

__all__ = [
    "Course",
    "CourseError",
    "Exercise",
    "Feedback",
    "Found",
    "Limits",
    "Module",
    "Problem",
    "Submission",
    "SubmissionError",
    "SubmittedFile",
    "find_submissions",
    "load_course",
    "open_submission",
]
