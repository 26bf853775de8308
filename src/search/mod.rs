//! Search: the index, the understanding of queries, ranking.

pub mod normalise;
pub mod query;
pub mod suggest;
