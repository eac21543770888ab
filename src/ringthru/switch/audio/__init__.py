"""One leg's audio: ports, codecs, SRTP, music, recordings, measurements."""
