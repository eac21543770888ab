"""SIP profiles: where each listens, what it shows of itself, who looks on."""
