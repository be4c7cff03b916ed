"""The two vocabularies: sentencepieces of the first pass, Whisper's pieces of the second."""
