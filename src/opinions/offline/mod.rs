//! 线下意见: opinions from paper and by word of mouth, entered by the staff of a contact point.
//!
//! An offline opinion is an ordinary opinion without an account: it is answered, grouped and reported like any other. Where it came from stands beside it
//! ([`provenance`]), and whoever entered it is never shown as its author.
//!
//! | file | what |
//! |---|---|
//! | `provenance` | where an offline opinion came from, for staff and for the public |
//! | `recording` | the one way an offline opinion is written: once, in time, checked |
//! | `entry` | one opinion after another, written down for people (代录) |
//! | `columns`, `cells`, `quoting` | what the columns and cells of a table mean; pure |
//! | `judging` | one row of a table against the draft: what it becomes, and what is wrong with it; pure |
//! | `outcomes` | what became of the opinions of a point, to be given to the people who said them |
//! | `batches/` | uploaded files: reading, mapping, dry run, corrections, commit, undo |

pub mod batches;
pub mod cells;
pub mod columns;
pub mod entry;
pub mod judging;
pub mod outcomes;
pub mod provenance;
pub mod quoting;
pub mod recording;
