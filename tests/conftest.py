"""What holds for all tests: pictures without a screen, and Hypothesis without deadlines.

The default profile draws few examples, the same in every run; `HYPOTHESIS_PROFILE=thorough` draws many new ones.
"""

import os

import hypothesis
import matplotlib

matplotlib.use("agg")
hypothesis.settings.register_profile("quick", max_examples=12, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("thorough", max_examples=300, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
