"""Defaults of search, voice detection, end-pointing and names, each defined once.

The configuration (`config/schema.py`) and the classes of the core both take them from here, so that
a program that uses the core without a configuration gets what owners get. `etc/auricle.yaml`
documents them; `tests/config/test_defaults.py` compares all three.
"""

BEAM = 8  # hypotheses that the first pass keeps after each search frame
NBEST = 5  # texts in a result
LATTICE_BEAM = 8.0  # nats by which a path of the lattice may fall behind the best one
MAX_SYMBOLS = 1  # tokens that one search frame may emit

VAD_AGGRESSIVENESS = 2  # WebRTC's mode: 0 lets nearly all through, 3 rejects the most
VAD_HANGOVER_MS = 200  # speech continues for so long after the last audio frame with a voice

SPECULATIVE_MS = 200  # trailing silence after which the command seems complete
FINAL_MS = 450  # trailing silence after which the command is complete
DECODER_MS = 1600  # time without a new token that ends the command in a noisy room
NO_SPEECH_SECONDS = 5.0  # a session without speech ends after this time
MAXIMUM_SECONDS = 20.0  # longest command

NAMES_BYTES = 64 * 1024 * 1024  # memory for the names of all clients, as estimated before
