"""Legs that change partners: transfers of every kind."""
