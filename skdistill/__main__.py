"""`python -m skdistill` is the command `skdistill`."""

from .cli import main

raise SystemExit(main())
