"""Audio input: microphones and recordings, delivered as audio frames of one format.

`format` defines the format and `source` the protocol of all sources. `microphone` and `file` are
the two sources; `reconnecting` reopens a microphone that was unplugged. `ring` keeps the last
seconds of audio, `vad` detects speech, and `level` measures loudness.
"""
