"""Shared by all: checks, tables, progress, downloads, bundled files."""
