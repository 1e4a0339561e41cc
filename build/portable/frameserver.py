"""`vspipe` of the portable folder: becomes VapourSynth's own, in an environment in which it starts."""

import os
import subprocess
import sys

import start

if __name__ == "__main__":
    start.tidy()

    from osdclean.engine.cli.portable import note_folder, vspipe_environment
    from osdclean.engine.cli.programs import find_vspipe

    vspipe, environment = find_vspipe(), vspipe_environment(note_folder())
    if sys.platform == "win32":
        raise SystemExit(subprocess.run([vspipe, *sys.argv[1:]], env=environment, check=False).returncode)
    os.execve(vspipe, [vspipe, *sys.argv[1:]], environment)
