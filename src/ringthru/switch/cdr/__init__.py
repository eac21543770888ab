"""Call detail records: what is known of a leg when it is over, in files that others read."""
