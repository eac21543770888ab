"""The user agent: its calls, their offers, refreshes and referrals (RFC 3261 §8, §12–§15)."""
