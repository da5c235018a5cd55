"""The checks that every delivered PC must pass: what a teacher would ask, put to the machine."""
