"""What an evaluation may claim: paired tests, and curves along the debias dial."""
