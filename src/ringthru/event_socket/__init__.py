"""FreeSWITCH's event socket: clients that connect to us, and programs that we connect to for a call.

Imports console, switch and net.
"""
