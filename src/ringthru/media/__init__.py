"""SDP, RTP, RTCP and the packet engine; knows neither SIP nor NAT. Imports net."""
