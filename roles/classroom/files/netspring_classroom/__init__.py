"""What a teacher decides on a PC: settings, the form of the desktop, the guest, the works."""
