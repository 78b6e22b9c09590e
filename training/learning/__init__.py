"""A day's habit: what comes from the log is learned again, and published as one new version."""

from longtail.training.learning.learn import LearnedRun, LearnedWorseError, learn_run

__all__ = ["LearnedRun", "LearnedWorseError", "learn_run"]
