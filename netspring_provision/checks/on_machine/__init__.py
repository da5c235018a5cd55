"""Programs that run on the machine under check: Debian's own Python, standard library only.

The station packs this folder into a zip, sends it over SSH, and takes it away again afterwards.
They only observe; what is right and wrong is decided by ``checks/test_*.py`` on the station.
"""
