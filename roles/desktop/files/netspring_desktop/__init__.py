"""The child's desktop: programs by kind, on cards that fit the screen of this PC."""
