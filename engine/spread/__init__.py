"""One job spread over processes and machines: a plan of chunks, hands that do them, a store of what is finished.

Policy (cited in the modules as #1..#6):
1. Output frame n depends on the clip, the mask, the arguments and n alone, so a chunk is a fresh run of the same
   script over a stretch of the clip, and any hand may do it.
2. What a chunk becomes depends on more than that: on versions, and on the files' contents. Hands that differ in
   either are refused; chunks of another job are never taken.
3. A chunk is finished when its file bears its name in the store: written beside it, counted, flushed, renamed.
4. A chunk that fails, or whose hand is lost, is done again, by another hand where there is one; the third failure
   ends the run.
5. However the run ends, finished chunks stay, until the whole output has its name.
6. Chunks are joined in order, once, by the way that a single run goes.
"""
