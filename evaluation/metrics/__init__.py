"""Metrics: accuracy, exposure and calibration, summed while users stream by."""
