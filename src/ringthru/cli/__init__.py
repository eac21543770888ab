"""``ringthru cli``: the console of a running switch, from anywhere, over its event socket."""
