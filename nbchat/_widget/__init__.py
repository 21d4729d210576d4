"""What a page shows and asks for: the transcript, the controls, and the protocol."""
