"""Bytes and the values they become, nothing else."""
