"""The layers of the first pass above the frozen encoder, trained on cached encoder frames."""
