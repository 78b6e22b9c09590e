"""What scripts texts are written in, and how words are found where no blanks part them."""
