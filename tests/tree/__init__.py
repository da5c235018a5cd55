"""The checks of the desktop, put to the programs of the real image on a screen of this computer."""
