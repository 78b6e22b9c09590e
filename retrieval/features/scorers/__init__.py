"""What turns evidence into log-odds: a network, boosted trees, a fixed mixture."""
