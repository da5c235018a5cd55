"""What works of children need: their folder, a picture of the screen, a USB stick, help."""
