"""A catalog and its log, looked at before anything is trained."""

from __future__ import annotations

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import HEAD, Popularity
from longtail.retrieval.data.suspects.finding import REASONS, Finding
from longtail.retrieval.data.suspects.item_checks import ItemChecks
from longtail.retrieval.data.suspects.user_bursts import burst_findings


def suspects_of(catalog: Catalog, log: Interactions) -> list[Finding]:
    """Return what looks made to game the engine, in the order of `REASONS` and of the catalog."""
    counts = log.user_counts(len(catalog))
    popular = Popularity.from_counts(counts, catalog.item_ids).bucket == HEAD
    found = ItemChecks(catalog, popular).findings(catalog.frame)
    found += burst_findings(log, catalog.item_ids)
    return sorted(found, key=lambda finding: REASONS.index(finding.reason))
