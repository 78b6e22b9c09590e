"""Judging a head by users that it was not fitted on."""
