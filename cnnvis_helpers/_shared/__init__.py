"""Shared by all modules: checks, tables, progress, downloads, files."""
