"""Settings of the evidence from users' columns."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from longtail.retrieval.data.users.schema_column import FEWEST_USERS, MOST_BANDS
from longtail.retrieval.settings import Settings


class UserColumnsSettings(Settings):
    """Evidence from a users file: which values count, and what is tried on validation."""

    enabled: Annotated[
        bool,
        Field(description="whether a users file is made use of; where not, nothing of it is kept"),
    ] = True
    fewest_users: Annotated[
        int,
        Field(ge=2, description="values held by fewer users of the train part are pooled into one"),
    ] = FEWEST_USERS
    bands: Annotated[
        int, Field(ge=2, description="a column of numbers becomes at most that many bands")
    ] = MOST_BANDS
    strengths: Annotated[
        tuple[Annotated[float, Field(ge=0.01)], ...],
        Field(
            description="weights of the lift beside log p tried, as if no user had a history; 0, "
            "which leaves the columns out, is always tried"
        ),
    ] = (0.3, 0.6, 1.0, 1.5)
    priors: Annotated[
        tuple[Annotated[float, Field(ge=0.01)], ...],
        Field(description="what shrinks a lift, tried: events of an average item"),
    ] = (1.0, 4.0, 16.0, 64.0)
