"""Calls of ours: dial strings, whom they mean, who answers first."""
