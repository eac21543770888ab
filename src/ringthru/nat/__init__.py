"""The command line ``ringthru nat``: gateways and mappings without the switch. Imports net and portmap."""
