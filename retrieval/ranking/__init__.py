"""From a query to recommendations: candidates, features, relevance, reranking, answers."""
