"""`osdclean` of the portable folder."""

from multiprocessing import freeze_support

import start

if __name__ == "__main__":
    start.tidy()
    # a worker process starts here, too, and does not come back
    freeze_support()

    from osdclean.engine.cli.main import main

    raise SystemExit(main())
