"""The vocabularies: sentencepieces for the first pass, Whisper's pieces for the second."""
