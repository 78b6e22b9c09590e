"""Parquet files, whose columns may hold what no cell of text can."""
