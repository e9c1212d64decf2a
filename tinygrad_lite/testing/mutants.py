"""The command `python -m tinygrad_lite.testing.mutants MODULE[:OPERATION]`; see `mutation.py`."""

import sys

from tinygrad_lite.testing.mutation import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
