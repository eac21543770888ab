"""Configuration, profiles, registrar, dialplan, calls, reachability."""
