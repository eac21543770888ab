"""Trunks: the SIP providers we register with (``<gateway>`` in FreeSWITCH's files and commands)."""
