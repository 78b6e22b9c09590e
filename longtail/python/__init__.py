"""The application for Python and notebooks: frames in, frames out, the commands' jobs between.

What a command does, and refuses, it does and refuses here too; a frame goes the way of a file.
"""
