"""The explorer: a page where a person sees what debiasing does, and the reads it lives on."""
