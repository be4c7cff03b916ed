"""Where sound comes from: a microphone or a recording, cut into frames of one format.

`format` is that format, `source` the face of everything that delivers it, `microphone` and `file`
the two kinds, `reconnecting` what keeps listening when a microphone is unplugged. `ring` remembers
the last seconds, `vad` tells speech from the rest, `level` how loud it is.
"""
