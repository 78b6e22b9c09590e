"""From a catalog and histories to recommendations: data, towers, relevance head, Retriever."""
