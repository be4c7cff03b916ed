"""Wake-word detection: audio frames in, detections out."""
