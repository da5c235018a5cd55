"""Golden images: what every PC of a room gets. Built on the station, signed, cached by inputs."""
