"""How a large segment proposes candidates without reading every vector."""
