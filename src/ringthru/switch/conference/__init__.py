"""Conferences: several callers in one room, who all hear each other."""
