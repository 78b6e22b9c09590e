"""Indexes on the disk: numbered versions, published whole, verified before they are read."""
