"""What a page shows and asks: the transcript, the controls, and their messages."""
