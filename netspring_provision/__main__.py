"""``python -m netspring_provision`` is the same as ``netspring``."""

from netspring_provision.cli import main

if __name__ == "__main__":
    main()
