"""``python -m diarize``: the command line where its script is not on the path."""

import sys

from diarize.cli import main

sys.exit(main())
