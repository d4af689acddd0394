"""Inputs and situations from public reports: each is read, refused with its cause, or rejected row by row."""
