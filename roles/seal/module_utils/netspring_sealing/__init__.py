"""What takes the station's access and the traces of provisioning from an installed PC."""
