"""The market on the stream: topics of bars and quotes."""
