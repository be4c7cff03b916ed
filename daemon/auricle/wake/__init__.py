"""Wake-word detection: microphone frames in, detections out."""
