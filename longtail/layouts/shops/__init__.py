"""Layouts that shop systems and web analytics export; one system a file."""
