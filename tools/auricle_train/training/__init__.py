"""What every training run needs: configuration, checkpoints, logs, several processes."""
