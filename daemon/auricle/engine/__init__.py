"""The threads that capture and infer, the queues between them, and the pipeline they run."""
