"""Our own engine as a media node: what rtpengine is to its controllers, over the same ng protocol."""
