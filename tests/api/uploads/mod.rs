//! Uploaded files of opinions: dry run, corrections, commit, undo; and the entry of single opinions.

mod batches;
mod recording;
mod support;
