"""Several videos in one command, as `cp` takes files: what goes where, one after another, and what came of each.

1. Where the target is a folder, or ends in a slash, each input gets a file of its own name in it. One input that is a
   file may have a file for its target instead.
2. A folder among the inputs stands for the videos in it, by name; with --recursive also for those in its folders, which
   are then made below the target too. What is hidden is left out, and so is the target where it lies in the folder.
3. What can be refused is refused before the first is begun.
4. A target that is there is skipped, unless --overwrite is given: what was stopped goes on when it is run again. One
   that another run is writing is skipped, too: two runs at once divide the work.
5. An input that cannot be done is told and left; the rest is done. Ctrl-C, a signal or a full disk end the batch.
"""
