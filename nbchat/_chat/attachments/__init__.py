"""What goes along with a message: images and files, read and checked."""
