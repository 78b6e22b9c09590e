"""One lease for a run folder: whoever writes there holds it, however it came to be there.

RUN/.serving      the service that takes events and keeps histories, as long as it runs
.RUN.serving      the same, beside it: whatever folder is at that path, nobody else serves it
RUN/index/.lock   whoever changes what is served (`longtail index`, `learn`, PUT), for one change
.RUN.training     beside it: the training whose result RUN will be

Locks lie in the folder that they are about, so that a folder that takes the other's place brings
its own: each holder looks again, when it publishes, whether the folder at the path is the one
that it holds. Those beside it last while folders change places; the service does without its own
where it may not write there. All of them end with the process that holds them.
"""

from longtail.retrieval.run.lease.changing_lease import changing
from longtail.retrieval.run.lease.place import Place, real_place
from longtail.retrieval.run.lease.serving_lease import ServingLease, serving
from longtail.retrieval.run.lease.training_lease import (
    TrainingLease,
    refuse_to_lose_events,
    training,
)

__all__ = [
    "Place",
    "ServingLease",
    "TrainingLease",
    "changing",
    "real_place",
    "refuse_to_lose_events",
    "serving",
    "training",
]
