"""Where things lie in the checkout."""

from __future__ import annotations

import os
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parents[1]
PROGRAMS = SUPPORT / "programs"
# On the path of tests; programs that tests start need it said.
SUPPORT_PATH = os.pathsep.join(str(folder) for folder in (SUPPORT, SUPPORT / "toys", PROGRAMS))
# The installed package: `longtail`, and the folders that lie beside it in a checkout.
PACKAGES = ("longtail", "configs", "evaluation", "index", "retrieval", "serving", "training")
