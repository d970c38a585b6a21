"""Hypothesis without its deadline: unit tests know no clock."""

from hypothesis import settings

settings.register_profile("no-clock", deadline=None)
settings.load_profile("no-clock")
