//! Uploaded files of opinions: dry run, corrections, commit, undo; and the entry of single opinions.

mod batches;
mod hostile;
mod layouts;
mod over_http;
mod pages;
mod recording;
mod silence;
mod support;
